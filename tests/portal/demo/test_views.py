from datetime import timedelta

from portal.demo.views import answers_to, page_of
from tests.portal.demo.samples import MORNING, an_email, an_sms

OTHER = "+33639980002"


def test_an_empty_inbox_is_an_empty_page() -> None:
    page = page_of([])
    assert (page.phones, page.phone, page.mails, page.mail) == ([], None, [], None)
    assert page.news == "/?seen=0"


def test_the_telephone_that_last_rang_comes_first_and_is_open() -> None:
    page = page_of([an_sms(), an_sms(to=OTHER), an_sms(text="again")])
    assert [line.title for line in page.phones] == ["+33639980001", OTHER]
    assert page.phone is not None
    assert page.phone.number == "+33639980001"
    assert page.phones[0].current
    assert page.phones[0].detail == "again"


def test_a_telephone_that_is_named_stays_open() -> None:
    page = page_of([an_sms(to=OTHER), an_sms()], phone=OTHER)
    assert page.phone is not None
    assert page.phone.number == OTHER
    assert page.news == "/?phone=%2B33639980002&seen=2"


def test_what_a_patient_answers_stands_in_the_same_conversation() -> None:
    answer = an_sms(to="38180", from_="+33639980001", text="STOP", reply=True)
    page = page_of([an_sms(), answer])
    assert page.phone is not None
    assert [bubble.reply for bubble in page.phone.bubbles] == [False, True]
    assert page.phone.answers_to == "38180"


def test_a_name_cannot_be_answered() -> None:
    assert answers_to([an_sms(from_="CABINET")]) is None


def test_links_in_a_bubble_can_be_clicked() -> None:
    page = page_of([an_sms()])
    assert page.phone is not None
    assert ("https://practice.example/r/abc", "https://practice.example/r/abc") in page.phone.bubbles[0].pieces


def test_the_newest_email_comes_first_and_none_is_open_until_chosen() -> None:
    mails = [an_email(), an_email(id="m2", subject=""), an_sms()]
    page = page_of(mails)
    assert [line.title for line in page.mails] == ["(sans objet)", "Votre rendez-vous"]
    assert page.mail is None
    opened = page_of(mails, mail="m1").mail
    assert opened is not None
    assert opened.attachments == ["été.ics"]
    assert opened.links == ("https://practice.example/r/abc",)
    assert ("List-Unsubscribe", "<https://practice.example/u/1>") in opened.headers


def test_what_is_unknown_opens_nothing() -> None:
    page = page_of([an_sms(), an_email()], phone="+331", mail="m9")
    assert page.mail is None
    assert page.phone is not None


def test_times_are_those_of_the_practice() -> None:
    page = page_of([an_sms(at=MORNING + timedelta(hours=1))])
    assert page.phones[0].at == "lun. 6 juin, 12:30"
