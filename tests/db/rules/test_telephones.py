import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.rules.telephones import NEIGHBOURS, OVERSEAS, Telephone, TelephoneKind, display, read

MOBILE = Telephone("+33612345678", TelephoneKind.MOBILE)
PARIS_LINE = Telephone("+33142685300", TelephoneKind.FIXED)


@pytest.mark.parametrize(
    "written",
    [
        "0612345678",
        "06 12 34 56 78",
        "06.12.34.56.78",
        "06-12-34-56-78",
        "06/12/34/56/78",
        "06 12-34.56/78",
        " 0612345678 ",
        "06\u00a012\u202f34\u200956 78",
        "06‑12–34—56−78",
        "(06) 12 34 56 78",
        "０６１２３４５６７８",
        "+33612345678",
        "+33 6 12 34 56 78",
        "+33(0)612345678",
        "+33 (0) 6 12 34 56 78",
        "+33 06 12 34 56 78",
        "(+33) 6 12 34 56 78",
        "0033612345678",
        "00 33 6 12 34 56 78",
        "0033 (0)6 12 34 56 78",
        "0033 06 12 34 56 78",
        "33612345678",
        "'0612345678",
        "’0612345678",
        '="0612345678"',
        "tel:0612345678",
        "tel:+33-6-12-34-56-78",
        "Tél. : 06 12 34 56 78",
        "06 12 34 56 78 (mère)",
        "612345678",
        "6 12 34 56 78",
        "612345678.0",
        "612345678,00",
    ],
)
def test_a_french_mobile_is_read_in_every_spelling(written: str) -> None:
    assert read(written, "FR") == MOBILE


@pytest.mark.parametrize(
    "written",
    [
        "06 12 34 56 78 / 01 42 68 53 00",
        "01 42 68 53 00 / 06 12 34 56 78",
        "01 42 68 53 00/06 12 34 56 78",
        "0142685300/0612345678",
        "01/42/68/53/00 - 06/12/34/56/78",
        "01 42 68 53 00 - 06 12 34 56 78",
        "01 42 68 53 00-06 12 34 56 78",
        "01 42 68 53 00 ou 06 12 34 56 78",
        "01 42 68 53 00 et 06 12 34 56 78",
        "01.42.68.53.00;06.12.34.56.78",
        "0142685300,0612345678",
        "01 42 68 53 00\n06 12 34 56 78",
        "01 42 68 53 00   06 12 34 56 78",
        "01 42 68 53 00 06 12 34 56 78",
        "+33142685300+33612345678",
        "Dom : 01 42 68 53 00 Port : 06 12 34 56 78",
        "néant / 06 12 34 56 78",
    ],
)
def test_of_two_numbers_in_one_cell_the_mobile_is_read(written: str) -> None:
    assert read(written, "FR") == MOBILE


def test_of_two_of_a_kind_the_first_is_read() -> None:
    assert read("06 12 34 56 78 / 07 49 12 34 56", "FR") == MOBILE
    assert read("01 42 68 53 00 / 04 50 12 34 56", "FR") == PARIS_LINE


@pytest.mark.parametrize(
    ("written", "country", "e164", "kind"),
    [
        ("01 42 68 53 00", "FR", "+33142685300", "fixed"),
        ("01 42 68 53 00 poste 12", "FR", "+33142685300", "fixed"),
        ("09 72 12 34 56", "FR", "+33972123456", "fixed"),
        ("0800 123 456", "FR", "+33800123456", "other"),
        ("07 49 12 34 56", "FR", "+33749123456", "mobile"),
        # Overseas, from a metropolitan practice and at home.
        ("0690 12 34 56", "FR", "+590690123456", "mobile"),
        ("0696 20 12 34", "FR", "+596696201234", "mobile"),
        ("0694 20 12 34", "FR", "+594694201234", "mobile"),
        ("0692 12 34 56", "FR", "+262692123456", "mobile"),
        ("692123456", "FR", "+262692123456", "mobile"),
        ("0639 01 23 45", "FR", "+262639012345", "mobile"),
        ("0262 20 12 34", "FR", "+262262201234", "fixed"),
        ("0692 12 34 56", "RE", "+262692123456", "mobile"),
        ("06 12 34 56 78", "RE", "+33612345678", "mobile"),
        ("0690 12 34 56", "MQ", "+590690123456", "mobile"),
        ("75.12.34", "NC", "+687751234", "mobile"),
        ("+687 75 12 34", "FR", "+687751234", "mobile"),
        ("00 689 87 12 34 56", "FR", "+68987123456", "mobile"),
        # Switzerland.
        ("079 123 45 67", "CH", "+41791234567", "mobile"),
        ("079/123.45.67", "CH", "+41791234567", "mobile"),
        ("791234567", "CH", "+41791234567", "mobile"),
        ("+41 (0)79 123 45 67", "CH", "+41791234567", "mobile"),
        ("022 345 67 89", "CH", "+41223456789", "fixed"),
        ("0041 79 123 45 67", "FR", "+41791234567", "mobile"),
        ("01 42 68 53 00", "CH", "+33142685300", "fixed"),
        ("07 49 12 34 56", "CH", "+33749123456", "mobile"),
        # Belgium.
        ("0470/12.34.56", "BE", "+32470123456", "mobile"),
        ("0470 12 34 56", "BE", "+32470123456", "mobile"),
        ("02/555.12.12", "BE", "+3225551212", "fixed"),
        ("+32 (0)470 12 34 56", "BE", "+32470123456", "mobile"),
        ("06 12 34 56 78", "BE", "+33612345678", "mobile"),
        ("+32 2 555 12 12", "FR", "+3225551212", "fixed"),
        ("(+32) 2 555 12 12", "FR", "+3225551212", "fixed"),
        ("00 32 2 555 12 12", "FR", "+3225551212", "fixed"),
        # Elsewhere.
        ("+44 7400 123456", "FR", "+447400123456", "mobile"),
        ("+1 202 555 0143", "FR", "+12025550143", "mobile"),
    ],
)
def test_a_number_is_read_at_home_overseas_and_next_door(written: str, country: str, e164: str, kind: str) -> None:
    assert read(written, country) == Telephone(e164, TelephoneKind(kind))


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "-",
        "néant",
        "non communiqué",
        "15",
        "3114",
        "0000000000",
        "06 12 34 56 7",
        "06 12 34 56 789",
        "06 12 34 56 7O",
        "6.12345678E+08",
        "6,12345678E+08",
        "6.12E8",
        "12/05/2024",
        "+33",
        "+",
        "00",
        "+999 612345678",
        "marie@example.org",
        "٠٦١٢",
        # Short numbers from elsewhere look like one that lost a digit.
        "02 555 12 12",
        "75.12.34",
        "87 12 34 56",
    ],
)
def test_what_is_not_certainly_a_number_is_not_read(written: str) -> None:
    assert read(written, "FR") is None


@pytest.mark.parametrize("region", [*NEIGHBOURS, *OVERSEAS])
@pytest.mark.parametrize("kind", [phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE])
def test_every_region_reads_its_own_spelling_and_all_read_the_international_one(region: str, kind: int) -> None:
    number = phonenumbers.example_number_for_type(region, kind)
    assert number is not None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    at_home = read(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL), region)
    assert at_home is not None
    assert at_home.e164 == e164
    for country in ("FR", "CH", "BE", "RE"):
        abroad = read(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL), country)
        assert abroad == at_home


@pytest.mark.parametrize(
    ("e164", "country", "shown"),
    [
        ("+33142685300", "FR", "01 42 68 53 00"),
        ("+41223456789", "CH", "022 345 67 89"),
        ("+32470123456", "BE", "0470 12 34 56"),
        ("+590690123456", "GP", "0690 12 34 56"),
        ("+41223456789", "FR", "+41 22 345 67 89"),
        ("+590690123456", "FR", "+590 690 12 34 56"),
        ("not a number", "FR", "not a number"),
    ],
)
def test_a_number_is_shown_as_one_writes_it_at_home(e164: str, country: str, shown: str) -> None:
    assert display(e164, country) == shown


@given(st.text(), st.sampled_from([*NEIGHBOURS, *OVERSEAS]))
def test_any_text_gives_a_number_or_none(text: str, country: str) -> None:
    telephone = read(text, country)
    assert telephone is None or read(telephone.e164, country) == telephone


@given(st.integers(0, 99_999_999), st.sampled_from(["FR", "CH", "BE", "RE"]))
def test_a_number_that_was_read_reads_the_same_again(digits: int, country: str) -> None:
    telephone = read(f"06{digits:08d}", country)
    assert telephone is None or all(read(telephone.e164, other) == telephone for other in NEIGHBOURS)


@pytest.mark.parametrize("written", ["06 39 98 12 01", "+33639981201", "0033 6 39 98 12 01", "639981201"])
def test_numbers_kept_for_fiction_read_as_mobiles(written: str) -> None:
    assert read(written, "FR") == Telephone("+33639981201", TelephoneKind.MOBILE)
