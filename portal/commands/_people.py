"""What `reprise doctor` says of people: whether everybody whom a plan, a leave or a closure leans on can be asked."""

from collections.abc import Iterator, Mapping

from db.queries.coverage import Coverage, Why
from db.queries.installation import People
from portal.commands._findings import Finding, failed, ok, warning

WHY: Mapping[Why, str] = {
    Why.GONE: "does not work here any more",
    Why.NO_ALERTS: 'has alerts = "none"',
    Why.MAIL_CAME_BACK: "an email to them came back",
}


def people_findings(people: People, coverage: Coverage) -> Iterator[Finding]:
    yield _staff(people)
    if people.names:
        yield _alerts(coverage)
        yield _roles(coverage)
        yield _practitioners(coverage)
        yield _leave(coverage)
        yield _on_call(coverage)


def _staff(people: People) -> Finding:
    if not people.names:
        return failed("staff", "nobody works here: name people under [[staff]], or tasks have no name.")
    if people.alone:
        return warning("staff", f"nobody stands in for {', '.join(people.alone)}: name a fallback under [[staff]].")
    return ok("staff", f"{', '.join(people.names)}: each with somebody to fall back on.")


def _alerts(coverage: Coverage) -> Finding:
    if not coverage.never_told:
        return ok("alerts", "everybody whom a plan, a fallback or a leave names hears of a case.")
    names = ", ".join(f"{one.name} ({WHY[one.why]})" for one in coverage.never_told)
    return warning(
        "alerts",
        f"cases are for people who do not hear of them: {names}. Correct it in practice.toml, then run "
        "`reprise setup`.",
    )


def _roles(coverage: Coverage) -> Finding:
    if not coverage.roles:
        return ok("roles", "somebody has every role that a plan names.")
    return warning(
        "roles",
        f"nobody is {', '.join(coverage.roles)}, and a plan asks them: their cases go to somebody else, in turn. Give "
        "somebody the role under [[staff]], or name people in a plan of your own.",
    )


def _practitioners(coverage: Coverage) -> Finding:
    if not coverage.unknown:
        return ok("practitioners", f"{coverage.practitioners}, each a member of staff.")
    return warning(
        "practitioners",
        f"{', '.join(coverage.unknown)}: not known as a member of staff, so alerts about their patients go to the care "
        'coordinator or the clinical lead. Write staff = "their address" under [[practitioners]].',
    )


def _leave(coverage: Coverage) -> Finding:
    if not coverage.leave:
        return ok("leave", "somebody stands in for everybody who is or will be away.")
    said = "; ".join(
        f"{one.name} ({one.role}) is away from {one.starts_on} to {one.ends_on}, and nobody does their work"
        for one in coverage.leave
    )
    return warning("leave", f"{said}: name a stand-in with `reprise staff away`, or under [[absences]].")


def _on_call(coverage: Coverage) -> Finding:
    if coverage.closure is None:
        return ok("on call", "no closure of more than 72 hours is without somebody on call.")
    first, last = coverage.closure
    return warning(
        "on call",
        f"nobody is there from {first} to {last}, more than 72 hours, and nobody is on call for the first call to a "
        "patient at high risk: write person under [on_call].",
    )
