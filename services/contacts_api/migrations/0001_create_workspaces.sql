-- Customers, their agents, the keys and people that may act there. Nothing here belongs to a
-- contact, so the keys start with the workspace or the agent.
CREATE TABLE contacts_api.workspaces (
    workspace   text        PRIMARY KEY,
    name        text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    -- A repeated provisioning finds the workspace that it made.
    CONSTRAINT workspaces_name_key UNIQUE (name)
);

CREATE TABLE contacts_api.spaces (
    space       text        PRIMARY KEY,
    workspace   text        NOT NULL REFERENCES contacts_api.workspaces,
    name        text        NOT NULL,
    CONSTRAINT spaces_workspace_name_key UNIQUE (workspace, name)
);

CREATE TABLE contacts_api.agents (
    agent       text        PRIMARY KEY,
    workspace   text        NOT NULL REFERENCES contacts_api.workspaces,
    space       text        NOT NULL REFERENCES contacts_api.spaces,
    name        text        NOT NULL,
    region      text,
    grace_days  integer     NOT NULL DEFAULT 7 CHECK (grace_days BETWEEN 0 AND 30),
    policies    jsonb       NOT NULL DEFAULT '{}',
    limits      jsonb       NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agents_workspace_name_key UNIQUE (workspace, name)
);
CREATE INDEX agents_space_idx ON contacts_api.agents (space);

CREATE TABLE contacts_api.keys (
    agent       text        NOT NULL REFERENCES contacts_api.agents,
    key         text        NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('api', 'widget')),
    digest      text        NOT NULL,
    last4       text        NOT NULL,
    scopes      text[]      NOT NULL DEFAULT '{}',
    origins     text[]      NOT NULL DEFAULT '{}',
    native      boolean     NOT NULL DEFAULT false,
    limits      jsonb,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz,
    PRIMARY KEY (agent, key),
    -- A caller is found by what he shows; two agents never share a key.
    CONSTRAINT keys_digest_key UNIQUE (digest)
);

CREATE TABLE contacts_api.users (
    user_id     text        PRIMARY KEY,
    workspace   text        NOT NULL REFERENCES contacts_api.workspaces,
    login       text        NOT NULL,
    password    text        NOT NULL,
    role        text        NOT NULL CHECK (role IN ('viewer', 'agent', 'admin')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    -- The sign-in page asks for no workspace.
    CONSTRAINT users_login_key UNIQUE (login)
);

CREATE TABLE contacts_api.sign_ins (
    digest      text        PRIMARY KEY,
    user_id     text        NOT NULL REFERENCES contacts_api.users ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    used_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_ins_user_id_idx ON contacts_api.sign_ins (user_id);
