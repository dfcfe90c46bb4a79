"""What the simulated days are made of, in words: the faults that struck, and what else came up.

Every name that a day can count stands here or has a title of its own; one that has neither is a broken contract, not
an identifier on the screen. JSON keeps the names. Pure.
"""

from __future__ import annotations

from storno.diagnosis.words import title
from storno.reversal.lifecycle import Input
from storno.sim.faults import FaultKind
from storno.terminal.operation import Operation

_FAULTS = {
    "disk_full": ("gateway's disk full: nothing of the group is stored", "网关磁盘已满：该组未落盘"),
    "disk_slow": ("gateway's disk slow to store", "网关磁盘落盘缓慢"),
    "disk_tail_lost": ("stored, but what waited behind it is lost", "已落盘，排在其后的内容丢失"),
    "disk_torn": ("write torn by a crash: not stored", "写入被崩溃打断：未落盘"),
    "disk_unreported": ("stored, but the crash came before the report", "已落盘，未及回报即崩溃"),
    "gateway_killed": ("gateway killed", "网关进程被强杀"),
    "gateway_power": ("gateway without power", "网关断电"),
    "host_babble": ("host sends an answer again, with another code", "主机以另一应答码重发应答"),
    "host_forgot": ("host restarts and loses its books", "主机重启且账目全部丢失"),
    "host_restarted": ("host restarts with its books", "主机重启，账目保留"),
    "link_stalled": ("host does not read: the request cannot leave", "主机不读取：请求发不出去"),
    "net_cut_after": ("line breaks behind a whole message", "报文完整送达后线路中断"),
    "net_cut_before": ("line breaks before the message arrives", "报文送达前线路中断"),
    "net_cut_within": ("line breaks within a message", "报文传到一半线路中断"),
    "net_doubled": ("message arrives twice", "报文送达两次"),
    "net_half_open": ("one end does not learn that the line is broken", "一端不知线路已断（半开连接）"),
    "net_lost": ("message lost", "报文丢失"),
    "net_refused": ("no connection", "连接失败"),
    "net_reordered": ("message overtaken by a later one", "报文乱序"),
    "net_slow": ("message slow", "报文延迟"),
    "net_split": ("message arrives in two pieces", "报文分两段送达"),
    "partition_lines": ("no line between gateway and host", "网关与主机之间网络隔离"),
    "partition_pos": ("no line between terminals and gateway", "终端与网关之间网络隔离"),
    "terminal_stalled": ("terminal does not read its answer", "终端不读取应答"),
    "till_died": ("terminal dies for good", "终端彻底损坏"),
    "till_power_cut": ("terminal without power", "终端断电"),
    "till_printer": ("terminal cannot print", "终端无法打印"),
    "till_store": ("terminal cannot store", "终端无法存储"),
}
_OF_HOST = "host_"
_EVENTS = {
    "batch_changed": ("batch number changed", "批次号更换"),
    "evenings": ("evenings with all books compared", "日终核账"),
    "stan_wrapped": ("STAN began again at 1", "流水号回绕"),
    "tx_around_midnight": ("transactions of days around midnight", "跨午夜日子的交易"),
    "tx_beside_rogue_terminals": ("transactions beside rogue terminals", "有违规终端在场时的交易"),
    "tx_with_several_gateways": ("transactions with several gateways", "多网关日子的交易"),
}
_OPERATIONS = {one.value: one for one in Operation}
_ORDERS = {one.value: one for one in Input}


def fault(name: str, lang: str) -> str:
    """Name a kind of fault. ValueError: there is no such kind."""
    if name in _FAULTS:
        english, chinese = _FAULTS[name]
    else:
        kind = FaultKind(name.removeprefix(_OF_HOST))
        english, chinese = f"host: {kind.title('en')}", f"主机：{kind.title('zh')}"
    return chinese if lang == "zh" else english


def event(name: str, lang: str) -> str:
    """Name what came up that is no fault. KeyError: there is no such event."""
    if name in _OPERATIONS:
        return _OPERATIONS[name].title(lang)
    if name in _EVENTS:
        english, chinese = _EVENTS[name]
    else:
        order = _ORDERS[name]
        english, chinese = f"order: {title(order, 'en')}", f"指令：{title(order, 'zh')}"
    return chinese if lang == "zh" else english
