"""Four ledgers, attempts that belong together, and `storno why` over a real journal."""

import json

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from days_kit import generate
from journal_kit import NOW_MS, approve, change, opening, sale
from storno.cli.main import run
from storno.cli.text import Language, speak
from storno.cli.why_signals import of_row
from storno.diagnosis.attempts import Attempt, Double, Pattern, double_charge, links, patterns
from storno.diagnosis.lattice import Acknowledged, Answer, Clearing, Money, Request, Reversal, diagnoses
from storno.diagnosis.path import replay
from storno.diagnosis.turned import turned
from storno.diagnosis.whereabouts import (
    Certainty,
    Ledger,
    Shown,
    Stand,
    local_condition,
    point_of,
    whereabouts,
)
from storno.journal.sqlite import SqliteJournal
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Input, State
from storno.reversal.machine import step
from storno.reversal.record import Detail, Trigger
from storno.statements.importing import import_file
from ways_kit import ways

pytestmark = pytest.mark.unit
TIMEOUT = Detail(trigger=Trigger.TIMEOUT, reason="98", due_ms=NOW_MS, deadline_ms=NOW_MS + 86_400_000)


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


def lived(*beats, **members):
    outcomes = [sale(**members)]
    for number, (what, detail) in enumerate(beats, 1):
        outcomes.append(step(outcomes[-1].record, what, NOW_MS + number * 1_000, detail))
    return outcomes


def path_of(*beats, **members):
    return replay(one.fact for one in lived(*beats, **members))


def stands(path, shown=None):
    found = whereabouts(path) if shown is None else whereabouts(path, shown)
    return {one.ledger: one.stand for one in found.says}, found


OK = (Input.RESPONSE_APPROVED, Detail(code="00", rrn="240601000001", auth_code="1"))
LATE = (Input.RESPONSE_TIMEOUT, TIMEOUT)
SENT = (Input.REVERSAL_DUE, Detail(due_ms=NOW_MS))


# ------------------------------------------------------------------ the four ledgers


def test_an_approval_counts_everywhere_but_clearing_has_to_prove_it():
    by, found = stands(path_of(OK))
    assert by == {Ledger.TERMINAL: Stand.YES, Ledger.BOOKS: Stand.YES, Ledger.HOST: Stand.YES,
                  Ledger.CLEARING: Stand.UNKNOWN}  # fmt: skip
    assert found.certainty is Certainty.AGREED
    assert stands(path_of(OK), Shown(Clearing.CHARGED))[1].certainty is Certainty.PROVEN


def test_a_time_out_is_open_until_the_reversal_is_acknowledged():
    by, found = stands(path_of(LATE, SENT))
    assert by[Ledger.BOOKS] is by[Ledger.HOST] is Stand.UNKNOWN
    assert found.certainty is Certainty.OPEN
    assert found.diagnosis.name == "reversal_unanswered"
    _, done = stands(path_of(LATE, SENT, (Input.REVERSAL_ACCEPTED, Detail(code="00"))))
    assert done.diagnosis.name == "undone"
    assert not done.diagnosis.proven


def test_25_leaves_the_host_unknown_and_12_does_not():
    by, found = stands(path_of(LATE, SENT, (Input.REVERSAL_ACCEPTED, Detail(code="25"))))
    assert by[Ledger.HOST] is Stand.UNKNOWN
    assert found.diagnosis.name == "original_not_found"
    assert found.certainty is Certainty.OPEN
    assert (
        stands(path_of(LATE, SENT, (Input.REVERSAL_ACCEPTED, Detail(code="12"))))[0][Ledger.HOST] is Stand.NO
    )


def test_a_charge_in_clearing_contradicts_an_acknowledged_reversal():
    path = path_of(LATE, SENT, (Input.REVERSAL_ACCEPTED, Detail(code="00")))
    by, found = stands(path, Shown(Clearing.CHARGED, NOW_MS))
    assert by[Ledger.CLEARING] is Stand.YES
    assert found.diagnosis.name == "not_undone_charged"
    assert found.diagnosis.money is Money.TAKEN
    assert found.certainty is Certainty.CONFLICT


@pytest.mark.parametrize(
    ("beats", "expected"),
    [
        ([OK], (Request.SENT, Answer.APPROVED, Reversal.NONE, Acknowledged.NONE)),
        ([(Input.RESPONSE_DECLINED, Detail(code="51"))],
         (Request.SENT, Answer.DECLINED, Reversal.NONE, Acknowledged.NONE)),
        ([(Input.SEND_FAILED, Detail())], (Request.NOT_SENT, Answer.NONE, Reversal.NONE, Acknowledged.NONE)),
        ([LATE], (Request.SENT, Answer.NONE, Reversal.QUEUED, Acknowledged.NONE)),
        ([LATE, SENT, OK], (Request.SENT, Answer.LATE_APPROVED, Reversal.SENT, Acknowledged.NONE)),
        ([LATE, SENT, (Input.REVERSAL_REFUSED, Detail(code="40"))],
         (Request.SENT, Answer.NONE, Reversal.SENT, Acknowledged.REFUSED)),
        ([LATE, SENT, (Input.REVERSAL_EXHAUSTED, Detail())],
         (Request.SENT, Answer.NONE, Reversal.SENT, Acknowledged.GIVEN_UP)),
        ([OK, (Input.HOST_REVERSED, Detail(code="98"))],
         (Request.SENT, Answer.APPROVED, Reversal.SENT, Acknowledged.TAKEN)),
    ],
)  # fmt: skip
def test_the_facts_lead_to_their_combination(beats, expected):
    point = point_of(path_of(*beats))
    assert (point.request, point.answer, point.reversal, point.acknowledged) == expected


def test_what_a_void_or_a_person_did_later_is_said():
    assert whereabouts(path_of(OK, (Input.UNDONE, Detail(note="v")))).diagnosis.name == "voided"
    # a void clears under a number of its own: the charge alone does not contradict it
    assert (
        whereabouts(path_of(OK, (Input.UNDONE, Detail(note="v"))), Shown(Clearing.CHARGED)).diagnosis.name
        == "voided"
    )
    doubt = (Input.RESPONSE_DOUBTFUL, Detail(code="96"))
    settled = path_of(doubt, (Input.ADJUSTED_UNCHARGED, Detail(operator="li", note="asked")))
    found = whereabouts(settled)
    assert found.diagnosis.name == "settled_counts_not"
    assert found.certainty is Certainty.SETTLED
    assert whereabouts(settled, Shown(Clearing.CHARGED)).diagnosis.name == "doubt_charged"


def test_the_condition_is_read_from_the_facts():
    assert local_condition(path_of((Input.SEND_FAILED, Detail()))) == "L01"
    assert local_condition(path_of(LATE)) == "L02"
    assert local_condition(path_of(LATE, SENT, OK)) == "L07"
    terminal = Detail(trigger=Trigger.TERMINAL, reason="96", due_ms=NOW_MS)
    assert local_condition(path_of(OK, (Input.CANCEL_REQUESTED, terminal))) == "L04"
    assert local_condition(path_of(OK)) == ""


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("money", Money)
def test_words_are_turned_for_what_gives_money_back_or_holds_it(kind, money):
    plain = next(one for one in diagnoses().values() if one.money is money)
    found = turned(plain, kind)
    assert (found.name, found.money, found.proven) == (plain.name, plain.money, plain.proven)
    for text in (found.happened, found.where, found.tell, found.dont):
        assert "{" not in text.english + text.chinese
    if kind in (Kind.VOID, Kind.REFUND):
        assert kind.title("en") in found.happened.english
        assert "charge again" not in found.dont.english
    if kind in (Kind.SALE, Kind.COMPLETION):
        assert found == plain
    if kind is Kind.PREAUTH and money is Money.TAKEN:
        assert "not charged" in found.where.english


@settings(max_examples=150, deadline=None)
@given(ways())
def test_the_books_say_what_the_ledger_holds_on_every_way(outcomes):
    path = replay(one.fact for one in outcomes)
    found = whereabouts(path)
    by = {one.ledger: one.stand for one in found.says}
    sums = path.sums
    took = bool(sums.charged_minor or sums.held_minor)
    assert by[Ledger.BOOKS] is (Stand.UNKNOWN if sums.any_doubt else Stand.YES if took else Stand.NO)
    assert by[Ledger.CLEARING] is Stand.UNKNOWN
    if found.certainty is Certainty.PROVEN:
        assert path.record.state in (State.DECLINED, State.NOT_SENT)
    if sums.any_doubt:
        assert found.certainty in (Certainty.OPEN, Certainty.CONFLICT)


# ------------------------------------------------------------------ attempts


def attempt(tx_id, money, after_min=0.0, *, amount=12_300, card="k", tid="t", failed=False, response="00"):
    return Attempt(tx_id, NOW_MS + int(after_min * 60_000), tid, "m", card, amount, money, proven=False,
                   response=response, failed=failed)  # fmt: skip


FAILED = attempt("1", Money.GIVEN_BACK, failed=True, response="")


def test_a_retry_is_linked_to_the_failure_and_a_double_charge_ruled_out():
    again = attempt("2", Money.TAKEN, 2)
    found = links(FAILED, [FAILED, again])
    assert [(one.other.tx_id, one.same_amount, one.same_terminal) for one in found] == [("2", True, True)]
    answer = double_charge(FAILED, found)
    assert answer.verdict is Double.RULED_OUT
    assert answer.counted == ("2",)
    assert Pattern.SECOND_ATTEMPT in patterns(FAILED, found)
    assert Pattern.SECOND_OF_A_FAILURE in patterns(again, links(again, [FAILED]))


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (Money.TAKEN, Money.TAKEN, Double.CHARGED_TWICE), (Money.UNKNOWN, Money.TAKEN, Double.POSSIBLE),
        (Money.UNKNOWN, Money.UNKNOWN, Double.POSSIBLE), (Money.UNKNOWN, Money.NOT_TAKEN, Double.RULED_OUT),
        (Money.GIVEN_BACK, Money.TAKEN, Double.RULED_OUT), (Money.TAKEN_TWICE, Money.NOT_TAKEN, Double.CHARGED_TWICE),
    ],
)  # fmt: skip
def test_a_double_charge_is_ruled_in_or_out(first, second, verdict):
    me = attempt("1", first)
    answer = double_charge(me, links(me, [attempt("2", second, 3)]))
    assert answer.verdict is verdict
    assert answer.words.english
    assert answer.words.chinese


@pytest.mark.parametrize(
    "other",
    [attempt("2", Money.TAKEN, 2, card="other"), attempt("2", Money.TAKEN, 45),
     attempt("2", Money.TAKEN, 2, amount=9_900),
     Attempt("2", NOW_MS, "t2", "m2", "k", 12_300, Money.TAKEN, proven=False)],
)  # fmt: skip
def test_what_does_not_belong_together_is_not_linked(other):
    assert links(FAILED, [other]) == ()
    assert double_charge(FAILED, ()).verdict is Double.NO_SECOND


def test_a_corrected_amount_is_linked_as_a_slip():
    found = links(attempt("1", Money.GIVEN_BACK), [attempt("2", Money.TAKEN, 2, amount=1_230)])
    assert [one.slip for one in found] == [True]


def test_patterns_people_are_told_to_look_for():
    odd = attempt("1", Money.NOT_TAKEN, amount=1, failed=True, response="A7")
    assert set(patterns(odd, ())) == {Pattern.INVALID_STATUS, Pattern.ODD_CODE, Pattern.SMALL_AMOUNT}
    assert patterns(attempt("1", Money.TAKEN), ()) == ()
    for one in Pattern:
        assert one.say("en") != one.say("zh")


# ------------------------------------------------------------------ the command


@pytest.fixture
def home(storno_home):
    """1-1 timed out and undone; 1-2 the second try, approved two minutes later; 1-3 refused for lack of money."""
    storno_home.mkdir()
    journal = SqliteJournal(storno_home / "journal.db")
    lost = lived(LATE, SENT, (Input.REVERSAL_ACCEPTED, Detail(code="00")), tx_id="1-1", fields=((22, "051"),))
    again = [sale("1-2", NOW_MS + 120_000, stan="000002")]
    again.append(approve(again[0].record, rrn="240601000002", at_ms=NOW_MS + 121_000))
    poor = [sale("1-3", NOW_MS + 300_000, stan="000003", pan_token="u" * 32, kind=Kind.SALE)]
    poor.append(step(poor[0].record, Input.RESPONSE_DECLINED, NOW_MS + 301_000, Detail(code="51")))
    journal.commit([change(one) for one in (*lost, *again, *poor)])
    journal.close()
    return storno_home


def told(capsys, *argv):
    code = run(list(argv))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_why_links_the_retry_and_says_where_the_money_is(home, capsys):
    _, out, _ = told(capsys, "why", "1-1", "--json", "--lang", "en")
    data = json.loads(out)
    assert data["outcome"]["diagnosis"] == "undone"
    assert [one["tx_id"] for one in data["attempts"]] == ["1-2"]
    assert data["double_charge"]["verdict"] == "ruled_out"
    assert {one["ledger"]: one["says"] for one in data["money"]["ledgers"]} == {
        "terminal": "unknown", "books": "no", "host": "no", "clearing": "unknown",
    }  # fmt: skip
    assert list(data["advice"]) == ["happened", "money", "who", "when", "tell", "dont"]
    assert data["patterns"] == ["invalid_status", "second_attempt"]
    _, out, _ = told(capsys, "why", "1-2", "--json", "--lang", "en")
    assert json.loads(out)["patterns"] == ["second_of_a_failure"]


@pytest.mark.parametrize(("lang", "words"), [("en", ("Why: ", "Certainty: ", "Do not: ", "not charged twice")),
                                             ("zh", ("原因：", "确定程度：", "不要做：", "未重复扣款"))])  # fmt: skip
def test_why_speaks_both_languages_and_shows_no_card(home, capsys, lang, words):
    _, out, err = told(capsys, "why", "1-1", "--lang", lang)
    assert not err
    for one in words:
        assert one.lower() in out.lower()
    assert "622588******1234" in out
    assert "t" * 32 not in out


def test_why_calls_a_refusal_for_lack_of_money_no_fault(home, capsys):
    code, out, _ = told(capsys, "why", "1-3", "--json", "--lang", "en")
    verdict = json.loads(out)["verdict"]
    assert code == 0
    assert verdict["cause"] == "business_decline"
    assert verdict["basis"] == "rule"


def test_explain_ends_with_the_same_line_of_why(home, capsys):
    _, out, _ = told(capsys, "explain", "1-3", "--lang", "en")
    _, data, _ = told(capsys, "why", "1-3", "--json", "--lang", "en")
    last = out.strip().splitlines()[-1]
    assert last == f"why: {json.loads(data)['verdict']['line']}  (storno why 1-3)"
    _, data, _ = told(capsys, "explain", "1-3", "--json", "--lang", "en")
    assert json.loads(data)["why"] in last


def test_a_signals_file_makes_the_difference(home, capsys):
    _, before, _ = told(capsys, "why", "1-1", "--json", "--lang", "en")
    folder = home / "signals"
    folder.mkdir()
    (folder / "signals-20260105.csv").write_text(
        "tx_id,at_ms,rssi_dbm,link_errors,ms_connect,carrier,card_removed\n"
        f"1-1,{NOW_MS},-109,3,4200,carrier-a,false\n", encoding="utf-8",
    )  # fmt: skip
    code, after, _ = told(capsys, "why", "1-1", "--json", "--lang", "en")
    verdict = json.loads(after)["verdict"]
    assert code == 0
    assert verdict["cause"] == "unstable_network"
    assert verdict["chance"] > json.loads(before)["verdict"]["chance"]
    assert {"weak_signal", "link_errors", "slow_connect"} <= {one["name"] for one in verdict["for"]}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("signals/x.csv", "tx_id,at_ms,rssi_dbm\n1-1,1,strong\n", "row 1 cannot be read"),
     ("signals/x.csv", "tx_id,at_ms,cancel_key\n1-1,1,maybe\n", "not true or false"),
     ("signals/x.parquet", "no", "not a Parquet file"),
     ("releases.toml", "current = 3", "lists `current` and `old`"), ("releases.toml", "[", "not TOML"),
     ("codes.toml", "[", "not TOML")],
)  # fmt: skip
def test_files_that_cannot_be_used_are_named(home, capsys, name, text, said):
    path = home / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    code, _, err = told(capsys, "why", "1-1", "--lang", "en")
    assert code == 2
    assert said in err
    assert path.name in err


def test_releases_say_which_software_is_allowed(home, capsys):
    (home / "releases.toml").write_text('current = ["3.2.1"]\nold = ["2.9.4"]\n', encoding="utf-8")
    (home / "signals").mkdir()
    for version, name in (("2.9.4", "old_version"), ("9.9", "unofficial_version")):
        (home / "signals/s.csv").write_text(f"tx_id,at_ms,version\n1-1,1,{version}\n", encoding="utf-8")
        _, out, _ = told(capsys, "why", "1-1", "--json", "--lang", "en")
        verdict = json.loads(out)["verdict"]
        assert name in {one["name"] for one in (*verdict["for"], *verdict["against"])} or verdict["known"]


def test_a_transaction_on_its_way_is_no_failure(storno_home, capsys):
    storno_home.mkdir()
    journal = SqliteJournal(storno_home / "journal.db")
    journal.commit([change(sale("1-1"))])
    row = journal.opened(NOW_MS, NOW_MS + 1)[0]
    journal.close()
    assert not of_row(row).failed
    assert of_row(row).sort == "not known"
    code, out, _ = told(capsys, "why", "1-1", "--json", "--lang", "en")
    data = json.loads(out)
    assert code == 1
    assert not data["verdict"]["known"]
    assert data["verdict"]["line"] == "nothing has failed yet, the answer is awaited"
    assert data["outcome"]["diagnosis"] == "no_answer"


def test_the_journal_lists_what_was_opened_in_a_time(home):
    journal = SqliteJournal(home / "journal.db")
    try:
        assert [row[0] for row in journal.opened(NOW_MS, NOW_MS + 300_000)] == ["1-1", "1-2"]
        assert [row[0] for row in journal.opened(NOW_MS, NOW_MS + 1, tid="58402001")] == ["1-1"]
        assert journal.opened(NOW_MS, NOW_MS + 1, tid="nobody") == ()
        assert len(journal.opened(0, 2 * NOW_MS, limit=2)) == 2
    finally:
        journal.close()


def test_clearing_files_prove_where_the_money_is(tmp_path, capsys):
    """A generated day: its journal, and the network's file imported beside it."""
    plan, _ = generate(tmp_path, journal=True, days=1, sales=2_600)
    for path in sorted((plan.out / "network").glob("*")):
        assert all(one.stored is not None for one in import_file(path, plan.out))
    causes = pq.read_table(next(plan.truth.glob("causes-*.parquet"))).to_pylist()
    asked = 0
    for fate, rule, clearing, certainty in (
        ("answer_lost", "", "charged_and_undone", "proven"), ("approved", "", "charged", "proven"),
        ("not_undone", "settled_but_reversed", "charged", "conflict"), ("declined", "", "unknown", "proven"),
    ):  # fmt: skip
        for one in [row for row in causes if (row["fate"], row["rule"]) == (fate, rule) and row["in_books"]][
            :2
        ]:
            _, out, err = told(capsys, "why", one["tx_id"], "--home", str(plan.out), "--json", "--lang", "en")
            assert not err
            data = json.loads(out)
            assert data["outcome"]["clearing"] == clearing, one
            assert data["money"]["certainty"] == certainty, one
            asked += 1
    assert asked >= 6


def test_an_unknown_transaction_is_a_clear_no(home, capsys):
    code, _, err = told(capsys, "why", "9-9", "--lang", "en")
    assert code == 1
    assert "no transaction" in err
    assert opening().pan_token not in err
