// The client of the widget door. Served without these comments and the indentation; at most 2,048
// bytes of gzip, so names are short: q waiting events, L and S local and session storage.
(() => {
  const w = window, d = document, tag = d.currentScript, data = tag.dataset
  const name = data.global || 'kith'
  const url = new URL('widget/' + data.key + '/events', tag.src).href
  const memory = {}, L = 'localStorage', S = 'sessionStorage'
  let consent = data.consent == 'required' ? 0 : 1, pending = [], busy, tries = 0, timer

  // A browser may refuse its storage: then what is known lives as long as the page.
  const get = (where, key) => {
    try { return w[where].getItem(key) || memory[key] } catch (e) { return memory[key] }
  }
  const set = (where, key, value) => {
    if (value) memory[key] = value
    else delete memory[key]
    try { value ? w[where].setItem(key, value) : w[where].removeItem(key) } catch (e) {}
  }
  const warn = text => console.warn(name + ': ' + text)
  const uid = () => [...crypto.getRandomValues(new Uint8Array(16))]
    .map(n => n.toString(16).padStart(2, 0)).join('')
  const browser = () => get(L, 'kith_browser') || (set(L, 'kith_browser', uid()), browser())
  const session = () => {
    const [id, seen] = (get(L, 'kith_session') || '').split('.')
    const now = Date.now(), same = id && now - seen < 18e5 ? id : uid()
    set(L, 'kith_session', same + '.' + now)
    return same
  }

  let q = []
  try { q = JSON.parse(get(S, 'kith_queue')) || [] } catch (e) {}
  // An identify carries a signature: it is never stored.
  const keep = () => {
    const rest = q.filter(e => e.type != 'identify').slice(-50)
    set(S, 'kith_queue', rest[0] ? JSON.stringify(rest) : '')
  }
  const later = ms => { clearTimeout(timer); timer = setTimeout(flush, ms) }
  const flush = () => {
    if (busy || consent < 1 || !q[0]) return
    let n = Math.min(q.length, 20), body
    while ((body = JSON.stringify(q.slice(0, n))).length > 5e4 && n > 1) n--
    const sent = q.slice(0, n)
    const done = () => { tries = 0; q = q.filter(e => !sent.includes(e)); keep(); later(250) }
    const again = () => {
      if (++tries < 5) later(Math.min(60, 2 ** tries) * 500 * (1 + Math.random()) + 1e3)
      else done()
    }
    busy = 1
    fetch(url, { method: 'POST', body, keepalive: true, credentials: 'omit' }).then(r => {
      busy = 0
      if (r.status == 429 || r.status > 499) return again()
      if (!r.ok) warn('refused with ' + r.status)
      done()
    }, () => { busy = 0; again() })
  }
  const add = (type, more, at) => {
    q.push({
      event_id: uid(), type, occurred_at: at, channel: 'widget',
      session_id: session(), browser_id: browser(), ...more
    })
    keep()
    later(250)
  }
  const forget = () => {
    for (const key of ['browser', 'session', 'user']) set(L, 'kith_' + key)
  }

  const calls = {
    identify(o, at) {
      if (!o.user_hash && !o.token) return warn('identify needs user_hash or token')
      const user_id = String(o.user_id), before = get(L, 'kith_user')
      if (before && before != user_id) calls.reset(0, at)
      set(L, 'kith_user', user_id)
      add('identify', { ...o, user_id }, at)
      flush()
    },
    lead({ intent, form, skill, conversation_id, ...lead }, at) {
      add('lead_captured', { lead, intent, form, skill, conversation_id }, at)
    },
    message(o, at) {
      o = o.text == null ? { text: String(o) } : o
      add('message', {
        conversation_id: session(), message_id: uid(), direction: 'inbound', ...o
      }, at)
    },
    // Neither query nor fragment: both may name a person or open a door.
    page(o, at) {
      const from = d.referrer && new URL(d.referrer).origin
      const url = location.origin + location.pathname
      add('page_viewed', { page: { url, title: d.title, referrer: from } }, at)
    },
    reset(o, at) { add('logged_out', {}, at); flush(); forget() }
  }
  const call = (what, o, at = new Date().toISOString()) => {
    try {
      if (what == 'consent') {
        consent = o == 'granted' ? 1 : -1
        const waiting = pending
        pending = []
        if (consent > 0) waiting.map(a => call(...a))
        else { q = []; keep(); forget() }
      } else if (!consent) pending.push([what, o, at])
      else if (consent > 0) calls[what](o, at)
    } catch (e) { warn(what + ' failed') }
  }

  const early = w[name] && w[name].q || []
  w[name] = call
  for (const a of early) call(a[0], a[1])
  d.addEventListener('visibilitychange', () => d.visibilityState == 'hidden' && flush())
  w.addEventListener('pagehide', flush)
  later(250)
})()
