import pytest

from portal.demo.slack.mrkdwn import Reader, shown, shown_plain, words

PARIS = Reader({"U1": "Élise <Marchand>"}, {"C1": "suivi"})
LONDON = Reader({}, {}, "Europe/London", "en")
MOMENT = 1465205400


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Bonjour", "Bonjour"),
        ("*gras* _penché_ ~barré~ `code`", "<strong>gras</strong> <em>penché</em> <s>barré</s> <code>code</code>"),
        ("*_les deux_*", "<strong><em>les deux</em></strong>"),
        ("a*b*c 2 * 3 * 4 un_mot_long", "a*b*c 2 * 3 * 4 un_mot_long"),
        ("`*pas gras*`", "<code>*pas gras*</code>"),
        ("```\na <b\nc```", "<pre>a &lt;b\nc</pre>"),
        ("un\ndeux", "un<br>deux"),
        ("&gt; cité\nlibre", "<blockquote>cité</blockquote>libre"),
        ("> un\n> deux", "<blockquote>un<br>deux</blockquote>"),
        ("<@U1>", '<span class="mention">@Élise &lt;Marchand&gt;</span>'),
        ("*<@U9>*", '<strong><span class="mention">@U9</span></strong>'),
        ("<@U9|nadia>", '<span class="mention">@nadia</span>'),
        ("<#C1>", '<span class="mention">#suivi</span>'),
        ("<!here>", '<span class="mention">@here</span>'),
        (
            "<https://x.example/?a=1&amp;b=2|Ouvrir>",
            '<a href="https://x.example/?a=1&amp;b=2" rel="noreferrer">Ouvrir</a>',
        ),
        ("<mailto:a@x.example>", '<a href="mailto:a@x.example" rel="noreferrer">mailto:a@x.example</a>'),
        ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"),
        ("a &lt;b&gt; &amp; c", "a &lt;b&gt; &amp; c"),
        ("<script>", "&lt;script&gt;"),
        ('"<b onclick=x>', "&#34;&lt;b onclick=x&gt;"),
        (":warning: :inconnu:", "⚠️ :inconnu:"),
        ("\ue0000\ue001", "0"),
    ],
)
def test_markup_becomes_html_and_nothing_else_does(text: str, html: str) -> None:
    assert str(shown(text, PARIS)) == html


@pytest.mark.parametrize(
    ("text", "reader", "said"),
    [
        (f"<!date^{MOMENT}^le {{date}} à {{time}}|jeudi>", PARIS, "le 6 juin 2016 à 11:30"),
        (f"<!date^{MOMENT}^{{date_long}}, {{time}}|x>", LONDON, "Monday 6 June 2016, 10:30"),
        (f"<!date^{MOMENT}^{{date_short_pretty}}|x>", LONDON, "6 Jun 2016"),
        ("<!date^bientôt^{date}|jeudi>", PARIS, "jeudi"),
    ],
)
def test_a_moment_is_told_in_the_readers_time_and_language(text: str, reader: Reader, said: str) -> None:
    assert words(text, reader) == said


def test_a_moment_may_be_a_link() -> None:
    told = str(shown(f"<!date^{MOMENT}^{{time}}^https://x.example|x>", PARIS))
    assert told.startswith('<a href="https://x.example" rel="noreferrer"><time datetime="2016-06-06T09:30:00+00:00">')


def test_plain_text_has_emoji_and_no_markup() -> None:
    assert str(shown_plain("*a* <b> :bell:\nc")) == "*a* &lt;b&gt; 🔔<br>c"
