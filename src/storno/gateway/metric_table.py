"""Every metric the gateway shows: name, kind, labels, and one line about it in both languages.

`metrics` fills them, docs/metrics*.md is printed from here, and a test holds alert rules and dashboard against them.
Names are `storno_…`, counters end in `_total`, times are seconds; no label ever names a card, a terminal, a merchant, a
STAN or a transaction: a label has few values, and all are known beforehand but currencies. Pure data.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

PREFIX = "storno_"


class MetricKind(Enum):
    """What a metric is to Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `name` is the whole one, with `_total`."""

    name: str
    kind: MetricKind
    labels: tuple[str, ...]
    en: str
    zh: str


_TEXT = """
requests_total
  requests with money taken from terminals, repeats included
  收到的终端资金类请求，含重发
transactions_opened_total kind
  transactions begun: journalled and on their way to the host
  开始的交易：已记流水并发往主机
transactions_total kind result
  transactions decided, once for each sending
  有了结果的交易，每次发送计一次
terminal_reversals_total
  reversals that terminals asked for
  终端发起的冲正请求
reversals_begun_total reason
  undoings begun, by what made them necessary
  开始的冲正，按起因
reversals_ended_total reason state
  undoings ended, by reason and where the transaction stands then
  结束的冲正，按起因和交易随后的状态
reversals_sent_total sending
  reversals sent to the host: first sendings and repeats
  发往主机的冲正：首发与重发
reversal_answers_total answer
  answers of the host to reversals that ended them: accepted, refused
  主机对冲正的终结应答：接受、拒绝
repeats_total what
  repeats: a request answered from our books, or an advice sent to the host again
  重复：按本地账答复的请求，或再次发往主机的通知
late_answers_total
  answers that came after the transaction was decided
  交易已有结果后才到的应答
stray_answers_total
  answers that belong to nothing we know
  不属于任何交易的应答
bad_answers_total
  answers that cannot be trusted: wrong MAC or fields that do not fit
  不可信的应答：MAC 错或要素不符
mac_failures_total side
  messages with a wrong MAC, by who sent them
  MAC 校验失败的报文，按发送方
timeouts_total
  requests whose answer did not come in time, or could not come any more
  应答超时或链路断开而不再可能应答的请求
unreachable_total when
  requests the host could not be given: no link was up (before), or not a byte could leave (sending)
  未能交给主机的请求：before 无可用链路，sending 一个字节也未能发出
refused_total reason
  requests we refused ourselves
  网关自行拒绝的请求
unreadable_total side
  messages that cannot be read, by who sent them
  无法解析的报文，按发送方
unexpected_total
  messages that do not belong there: an answer from a terminal, a foreign request from the host
  不应出现的报文：终端发来应答，或主机发来不支持的请求
tombstones_total
  reversals of transactions that never came by here
  原交易从未到达的冲正
tombstone_hits_total
  originals declined because their reversal had come first
  因冲正先到而拒绝的原交易
undelivered_total
  approvals that could not be handed to the terminal
  未能送达终端的批准应答
host_reversals_total
  reversals the host began by itself
  主机主动发起的冲正
terminal_moves_total
  requests whose terminal asked again over another connection
  终端换连接后重新等待应答的请求
passed_on_timeouts_total
  messages without money that got no answer
  无应答的非资金报文
settlements_held_total
  settlements that waited for reversals of their terminal
  等待本终端冲正完成的结算
sign_ins_total
  sign-ins that brought new working keys
  签到并取得工作密钥的次数
key_trouble_total
  working keys that did not prove themselves
  校验不符的工作密钥
cases_opened_total
  exceptions that need a person
  产生的需人工处理的差错
host_response_seconds histogram
  from taking a request until its host's answer is read (with the journal's write); time-outs are not in here
  从受理请求到读到主机应答（含写流水）；超时不计
journal_group_seconds histogram
  from handing a group to the journal until it is durable
  一组流水从提交到落盘
reversals_open gauge
  reversals that are not through
  未完成的冲正
reversal_oldest_open_seconds gauge
  age of the oldest of them; 0 when there is none
  其中最早一笔已持续的时间；没有则为 0
requests_in_flight gauge
  transactions that wait for the host's answer
  等待主机应答的交易
unknown_money_minor gauge currency standing
  money of unknown outcome in minor units (fen for CNY): being worked on (in_hand) or waiting for a person (case)
  结果未知的资金，以最小货币单位（人民币为分）计：in_hand 处理中，case 待人工
cases_open gauge case
  exceptions that wait for a person
  待人工处理的差错
cases_read_timestamp_seconds gauge
  when the two above were last read from the journal
  上两项最近一次从流水读取的时间
links_up gauge
  host links that are connected
  已连接的主机链路
links_wanted gauge
  host links there should be
  应有的主机链路
terminal_connections gauge
  terminals connected
  已连接的终端
halted gauge
  1 when nothing is promised any more: the journal cannot be written
  为 1 表示已停止服务：流水无法写入
draining gauge
  1 while it is stopping
  为 1 表示正在停止
start_time_seconds gauge
  when it was started
  启动时间
build_info gauge version dialect
  always 1; version and dialect
  恒为 1；版本与方言
"""


def _read(text: str) -> tuple[Metric, ...]:
    lines = text.strip().splitlines()
    found = []
    for head, en, zh in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        name, *rest = head.split()
        kind = MetricKind.COUNTER if name.endswith("_total") else MetricKind(rest.pop(0))
        found.append(Metric(PREFIX + name, kind, tuple(rest), en.strip(), zh.strip()))
    return tuple(found)


METRICS: tuple[Metric, ...] = _read(_TEXT)
"""All of them, in the order in which they are shown."""
