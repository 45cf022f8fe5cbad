"""The people of the day: 40 customers, 60 leads. The same every day, so a second day knows them."""

from dataclasses import dataclass

FIRST = (
    "Ada", "Alan", "Barbara", "Claude", "Dorothy", "Edsger", "Frances", "Grace", "Hedy", "Ivan",
    "Joan", "Karen", "Leslie", "Margaret", "Niklaus", "Olga", "Peter", "Radia", "Sophie", "Tim",
)  # fmt: skip
LAST = (
    "Okafor", "Lindqvist", "Moreau", "Tanaka", "Ferreira",
    "Novak", "Haddad", "Keller", "Osei", "Rossi",
)  # fmt: skip
COMPANIES = ("Nordlicht Cycles", "Atelier Fern", "Quarry & Sons", "Tidewater Labs", "Kupfer KG")
PLANS = ("public", "paid_users", "growth", "enterprise")
CUSTOMERS, LEADS = 40, 60


@dataclass(frozen=True)
class Person:
    number: int
    name: str
    email: str
    phone: str
    company: str

    @property
    def user_id(self) -> str:
        return f"shop-{1000 + self.number}"

    @property
    def plan(self) -> str:
        return PLANS[self.number % len(PLANS)]

    @property
    def slack(self) -> str:
        return f"T0KITH:U{self.number:06d}"


def person(number: int) -> Person:
    """The nth person: every number has a name of its own up to 200."""
    first, last = FIRST[number % len(FIRST)], LAST[(number // len(FIRST) + number) % len(LAST)]
    return Person(
        number=number,
        name=f"{first} {last}",
        email=f"{first}.{last}{number}@example.com".lower(),
        phone=f"+4915123{456000 + number:06d}",
        company=COMPANIES[number % len(COMPANIES)],
    )


def customers() -> list[Person]:
    return [person(number) for number in range(CUSTOMERS)]


def leads() -> list[Person]:
    return [person(number) for number in range(CUSTOMERS, CUSTOMERS + LEADS)]
