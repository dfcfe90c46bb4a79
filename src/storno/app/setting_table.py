"""Every setting there is: its table, what it may hold, and one line about it in both languages.

The pages docs/configuration*.md and examples/storno.toml are printed from here, the checks read the rules from here:
one text for the reader, the documents and the code. Pure data; a test holds it against the options it describes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `rule` is what `setting_check` enforces; empty where the type says all."""

    table: str
    name: str
    rule: str
    en: str
    zh: str


TABLES: dict[str, tuple[str, str]] = {
    "gateway": (
        "The gateway: addresses, bounds. `dialect` holds for host and terminal too.",
        "网关：地址与上限。`dialect` 对主机与终端同样有效。",
    ),
    "profile": (
        "What acquirers decide differently. Holds for gateway, host and terminal; the defaults are the dialect's.",
        "各收单机构不同之处。对网关、主机、终端都有效；默认值取自方言。",
    ),
    "tls": ("TLS towards terminals; without a certificate plain TCP.", "终端侧 TLS；不设证书则为明文 TCP。"),
    "host_tls": (
        "TLS towards the hosts; the table's presence switches it on.",
        "主机侧 TLS；写出此表即启用。",
    ),
    "host": ("The host simulator, `storno host`.", "主机模拟器 `storno host`。"),
    "terminal": ("The terminal, `storno terminal`.", "终端 `storno terminal`。"),
    "exceptions": (
        "The exception queue: what counts as severe, and until when somebody must act. Amounts in minor units (fen).",
        "差异队列：严重程度与处理时限。金额以最小货币单位（分）计。",
    ),
    "metrics": ("Metrics of the gateway for Prometheus.", "供 Prometheus 采集的网关指标。"),
    "log": ("The gateway's log.", "网关日志。"),
    "trace": (
        "Traces of the gateway for OpenTelemetry; needs the extra `otel`.",
        "网关的 OpenTelemetry 链路追踪；需安装扩展 `otel`。",
    ),
}

_GATEWAY = """
listen address
  where terminals connect
  终端接入地址
hosts addresses
  front ends of the acquirer, all over the same books; new transactions go over those that are up
  收单前置机地址，须共用同一套账；新交易走可用的前置机
dialect dialect
  message format
  报文方言
test_terminals
  take in any terminal and link with the published test keys; only on 127.0.0.1 (default: on there, else off)
  以公开测试密钥接受任何终端和链路，仅限本机（监听本机时默认启用，否则停用）
utc_offset_min -840..840
  minutes ahead of UTC of the business day
  营业日所在时区，与 UTC 相差的分钟数
unkeyed
  a terminal whose MAC key is not here: refuse (A0, so that it signs in) or forward
  没有其 MAC 密钥的终端：refuse 拒绝（A0，促其签到）或 forward 转发
in_flight_max 1..1000000
  requests that wait for the host at one time
  同时等待主机应答的请求数
terminal_open_max 1..10000
  the same, for one terminal
  单台终端同时等待的请求数
reversals_in_flight_max 1..100000
  reversals on the wire at one time
  同时在途的冲正数
records_in_memory_max 100..10000000
  finished transactions kept in memory
  内存中保留的已结束交易数
passing_max 1..1000000
  messages without money that wait for their answer
  等待应答的非资金报文数
passing_timeout_ms 1..3600000
  how long such a message waits
  此类报文的等待时间
settlement_hold_ms 0..3600000
  how long a settlement waits for the terminal's reversals
  结算等待本终端冲正完成的时间
link_tid ascii 8
  TID of our own sign-on and echo
  网关自身签到、回响使用的终端号
link_mid ascii 15
  MID of our own sign-on and echo
  网关自身签到、回响使用的商户号
sign_on
  sign on to the host when a link comes up
  链路建立后向主机签到
echo_ms 0..86400000
  ask a quiet link for an echo after this; 0 never
  链路静默多久后发回响测试；0 为不发
echo_timeout_ms 1..3600000
  drop a link that leaves the echo unanswered for this long
  回响无应答多久后断开链路
host_tpdu digits 10?
  TPDU towards the host; empty keeps the terminal's
  发往主机的 TPDU；留空则保留终端的
host_header hex ?
  header of our own messages to the host; empty: 603100310100 for cup_pos, none for others
  网关自发报文的报文头；留空时 cup_pos 为 603100310100，其他方言不带
links_per_host 1..64
  connections to each host; a terminal keeps to one of them
  到每个主机的连接数；一台终端固定使用其中一条
connections_max 1..1000000
  terminals connected at one time
  终端连接数上限
idle_s 1..604800
  close a terminal's connection that is silent for this long
  终端连接静默多久后关闭
half_frame_s 0.1..3600
  close a connection that leaves a frame unfinished for this long
  半截报文多久后关闭连接
out_bytes_max 1024..1073741824
  bytes that may wait for a peer that does not read
  对方不读时允许积压的字节数
connect_s 0.01..600
  how long connecting to a host may take
  连接主机的时限
reconnect_first_s 0.01..3600
  pause before connecting again; doubles each time
  首次重连间隔，逐次加倍
reconnect_max_s 0.01..3600
  longest such pause
  重连间隔上限
drain_s 0..3600
  how long a stop waits for answers that are under way
  停止时等待在途应答的时间
"""

_PROFILE = """
mac mac
  MAC method: cup_ecb, x919, x99, cbc_3des, sm4_ecb, none and others; see the dialects page
  MAC 算法：cup_ecb、x919、x99、cbc_3des、sm4_ecb、none 等，见方言说明
mac_scope
  whose key: each terminal's (terminal) or one of the whole line (link)
  密钥归属：terminal 每台终端，link 整条链路
mac_on_declines
  check the MAC of declines too
  拒绝应答也校验 MAC
mac_on_reversal_answers
  check the MAC of answers to reversals
  冲正应答校验 MAC
approved codes
  F39 that approves
  表示批准的应答码
partial codes?
  of these, those that approve the answer's smaller F4
  其中按应答 F4 部分批准的应答码
doubtful codes?
  F39 that leaves the outcome open
  结果不确定的应答码
reverse_on codes?
  F39 that is reversed although it is no approval
  虽非批准也要冲正的应答码
reversal_accepted codes
  F39 that ends a reversal
  表示冲正完成的应答码
reversal_retry codes?
  F39 after which a reversal is sent again; every other code refuses it
  收到后重发冲正的应答码；其余视为拒绝冲正
reversal_mti one 0400 0420
  MTI of our reversals
  冲正的报文类型
network_mti one 0800 0820
  MTI of sign-on and echo where there is no TPDU
  无 TPDU 的方言签到、回响的报文类型
repeat_marked
  a repeat has MTI 0401 or 0421
  重发时报文类型为 0401 或 0421
reason_field one 0 39 60
  field of the reversal's reason; 0 for none
  冲正原因所在域；0 为不带
reason_codes reasons
  the code of each reason: timeout, mac_error, terminal_fault, undeliverable, late_answer, recovered, other
  各冲正原因的代码：timeout、mac_error、terminal_fault、undeliverable、late_answer、recovered、other
original_data
  the original in the reversal: keep (what the request carried), own (F61: batch, STAN, date) or f90
  冲正中的原交易信息：keep 保留请求所带，own 填 F61（批次、流水、日期），f90 填 F90
reversal_copies fields
  fields copied from the original; card, track, PIN and MAC never are
  从原交易复制的域；卡号、磁道、PIN、MAC 除外
reversal_icc_tags tags
  tags of F55 kept in the reversal
  冲正 F55 保留的标签
pan_on_magstripe_reversal
  send F2 after a magnetic stripe
  磁条交易的冲正带 F2
answer_timeout_ms 1..3600000
  how long the gateway waits for the host's answer; below the terminals' own time-out
  网关等待主机应答的时间，应短于终端超时
reversal_timeout_ms 1..3600000
  how long it waits for the answer to a reversal
  等待冲正应答的时间
attempts_max 1..100000
  sendings of one reversal, then an exception
  一笔冲正的发送次数上限，之后转差错
backoff_first_ms 1..86400000
  pause before the second sending; doubles each time
  第二次发送前的间隔，逐次加倍
backoff_max_ms 1..86400000
  longest such pause
  重发间隔上限
deadline_ms 1..31536000000
  a reversal is given up after this, then an exception
  冲正的最长时限，之后转差错
key_reuse_after_ms 0..31536000000
  after this the same STAN is another transaction
  超过此时间，同一流水号视为另一笔交易
cross_day
  a reversal whose business day is over: send it, or make it an exception (case)
  跨日冲正：send 照发，case 转差错
undeliverable_reverses
  an approval that cannot be delivered to the terminal is reversed
  批准应答送不到终端时冲正
terminal_resends_max 0..100
  terminal: repeats of its reversal
  终端：冲正重发次数
terminal_connect_failures_max 1..100
  terminal: failed connections before it refuses the new transaction
  终端：连续连接失败几次后拒绝新交易
when_exhausted
  terminal: after that set the reversal aside (alarm) or refuse transactions (block)
  终端：次数用完后 alarm 转差错继续，block 停止交易
mismatch_reverses
  terminal: an answer whose F3, F4 or F39 do not fit is reversed
  终端：应答 F3、F4、F39 不符时冲正
code_unknown code
  our answer: no word from the host
  网关应答：主机无应答
code_not_sent code
  our answer: it was not sent
  网关应答：未发出
code_duplicate code
  our answer: STAN used for another request
  网关应答：流水号已用于另一请求
code_tombstone code
  our answer: its reversal came first
  网关应答：冲正先于原交易到达
code_original_state code
  our answer: the original is not standing
  网关应答：原交易状态不符
code_amount_differs code
  our answer: not the original's amount
  网关应答：金额与原交易不符
code_not_reversible code
  our answer: cannot be reversed
  网关应答：不可冲正
code_unknown_terminal code
  our answer: a terminal without keys here
  网关应答：终端未登记
code_bad_mac code
  our answer: wrong MAC
  网关应答：MAC 错
code_bad_format code
  our answer: a field is missing or broken
  网关应答：报文格式错
code_overload code
  our answer: no room now
  网关应答：系统忙
notes texts
  for people only
  仅供查阅的备注
"""

_TLS = """
certificate file
  certificate chain (PEM)
  证书链（PEM）
key file
  its private key (PEM)
  私钥（PEM）
authority file
  trust only certificates of this authority; towards terminals this makes them show one
  只信任该机构签发的证书；用于终端侧时要求终端出示证书
"""

_HOST = """
listen address
  where it listens; by default the first of the gateway's hosts if that is on this machine
  监听地址；缺省为网关 hosts 的第一个（须在本机）
dialect dialect
  message format, if not the gateway's
  报文方言，与网关不同时设置
faults faults
  faults by chance, NAME=PROBABILITY[:PARAMETER]
  按概率注入的故障，名称=概率[:参数]
script file
  faults by script (TOML)
  故障脚本（TOML）
magic
  faults by amount
  按金额触发故障
seed 0..18446744073709551615
  seed of all chance; drawn anew when not set
  随机数种子；不设则每次不同
keys file
  key file instead of the published test keys
  密钥文件，代替公开测试密钥
unknown_reversal one 25 00
  answer to a reversal without original
  找不到原交易的冲正应答码
tombstones
  decline an original that comes after its reversal
  冲正先到时，拒绝迟到的原交易
duplicate_code code?
  answer repeats with this code; empty repeats the first answer
  重复请求的应答码；留空则重复首次应答
memory_only
  keep no books on disk
  账目只放内存，不落盘
quiet
  no line for each message
  不逐笔打印
"""

_TERMINAL = """
host address
  where it connects; by default the gateway's `listen`
  连接地址；缺省为网关的 `listen`
dialect dialect
  message format, if not the gateway's
  报文方言，与网关不同时设置
tid ascii 8
  terminal id
  终端号
mid ascii 15
  merchant id
  商户号
tpdu digits 10
  TPDU
  TPDU
header hex 12
  message header
  报文头
tmk_file file
  master key as hex; the published test key without it
  主密钥文件（十六进制）；不设则为公开测试密钥
sign_in_code one 001 003 004 005
  60.3: single DES, double length, with track key, SM4
  60.3：单倍长、双倍长、含磁道密钥、国密
operator digits 3
  operator number in F63 of the sign-in
  签到 F63 的操作员号
currency currency
  currency as digits (156 is CNY)
  货币代码（156 为人民币）
answer_ms 1..600000
  how long it waits for an answer
  等待应答的时间
reversal_ms 1..600000
  how long it waits for the answer to a reversal
  等待冲正应答的时间
connect_ms 1..600000
  how long connecting may take
  连接时限
takes_partial
  accept approval of a part of the amount
  接受部分批准
utc_offset_min -840..840
  minutes ahead of UTC of its clock
  终端时区，与 UTC 相差的分钟数
tls
  use TLS; trusts the system's authorities, or `tls_ca` alone
  使用 TLS；信任系统证书，设了 `tls_ca` 则只信任它
tls_ca file
  trust this certificate; switches TLS on
  信任此证书；同时启用 TLS
"""

_EXCEPTIONS = """
critical_minor 1..1000000000000000
  critical from this amount
  达到此金额为特急
high_minor 1..1000000000000000
  high from this amount
  达到此金额为高
medium_minor 1..1000000000000000
  medium from this amount
  达到此金额为中
critical_age_days 1..3650
  critical from this age, in working days
  超过此工作日数为特急
high_age_days 1..3650
  high from this age
  超过此工作日数为高
medium_age_days 1..3650
  medium from this age
  超过此工作日数为中
critical_due_days 0..3650
  working days within which a critical one must be dealt with
  特急差异的处理时限（工作日）
high_due_days 0..3650
  the same for a high one
  高级差异的处理时限
medium_due_days 0..3650
  the same for a medium one
  中级差异的处理时限
low_due_days 0..3650
  the same for any other
  其他差异的处理时限
confirm_above_minor 0..1000000000000000
  above this, a resolution for which no money moves (accepted, booked, duplicate, wrong finding) needs a second person
  超过此金额时，不涉及资金调整的处理（认损益、补记账、重复、误报）须另一人复核
calendar file
  TOML file of holidays and shifted workdays; weekends are off without it
  节假日与调休的 TOML 文件；不设则只按周末休息
"""

_METRICS = """
listen address?
  where `/metrics` is answered (9464 is the usual port); empty: nowhere. Plain HTTP: keep it inside
  `/metrics` 的监听地址（惯用端口 9464）；留空则不提供。明文 HTTP，仅限内网
"""

_LOG = """
format
  a line of words (text) or one JSON object a line (json)
  text 为文字行，json 为每行一个 JSON 对象
"""

_TRACE = """
endpoint url?
  where spans are sent (OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces); empty: nothing is traced
  链路数据的发送地址（OTLP/HTTP，如 http://127.0.0.1:4318/v1/traces）；留空则不追踪
service word
  name of this gateway in the traces
  链路数据中本网关的名称
"""

_TEXTS = {
    "gateway": _GATEWAY,
    "profile": _PROFILE,
    "tls": _TLS,
    "host_tls": _TLS,
    "host": _HOST,
    "terminal": _TERMINAL,
    "exceptions": _EXCEPTIONS,
    "metrics": _METRICS,
    "log": _LOG,
    "trace": _TRACE,
}


@lru_cache(maxsize=1)
def settings() -> tuple[Setting, ...]:
    """List all settings in the order in which they are explained."""
    found = []
    for table, text in _TEXTS.items():
        lines = text.strip().splitlines()
        for head, en, zh in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
            name, _, rule = head.partition(" ")
            found.append(Setting(table, name, rule, en.strip(), zh.strip()))
    return tuple(found)


@lru_cache(maxsize=256)
def setting(table: str, name: str) -> Setting:
    """Give one setting. KeyError when it is not described: a fault of ours."""
    for one in settings():
        if (one.table, one.name) == (table, name):
            return one
    raise KeyError(f"[{table}] {name}")
