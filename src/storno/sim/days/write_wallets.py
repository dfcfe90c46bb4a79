"""What the wallets send: WeChat's trade bill (27 columns, back-ticks, totals) and Alipay's zipped 业务明细 (GBK).

Rule: a bill is of a calendar day; its order number is our transaction id, by which it is found in the books. Amounts
in yuan, totals at the end. Python strings for the rows: a wallet's bill is of one shop's size.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from storno.sim.days import digits as d
from storno.sim.days.clearing import Lines
from storno.sim.days.columns import joined, strings, words
from storno.sim.days.dates import Calendar
from storno.sim.days.day import NONE
from storno.sim.days.draw import Flags, Ints
from storno.sim.days.fates import REFUND
from storno.sim.days.fleet import Fleet
from storno.sim.days.write_books import tx_ids
from storno.sim.days.write_terminal import clock, mids, rrns, tids

_WECHAT = (
    "交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号", "商户订单号", "用户标识",
    "交易类型", "交易状态", "付款银行", "货币种类", "应结订单金额", "代金券金额", "微信退款单号",
    "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态", "商品名称", "商户数据包",
    "手续费", "费率", "订单金额", "申请退款金额", "费率备注",
)  # fmt: skip
_WECHAT_TOTALS = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
_ALIPAY = (
    "支付宝交易号", "商户订单号", "业务类型", "商品名称", "创建时间", "完成时间", "门店编号", "门店名称",
    "操作员", "终端号", "对方账户", "订单金额（元）", "商家实收（元）", "支付宝红包（元）", "集分宝（元）",
    "支付宝优惠（元）", "商家优惠（元）", "券核销金额（元）", "券名称", "商家红包消费金额（元）",
    "卡消费金额（元）", "退款批次号/请求号", "服务费（元）", "分润（元）", "备注",
)  # fmt: skip
_ALIPAY_SUMMARY = "#支付宝业务汇总查询\r\n门店编号,门店名称,交易订单总笔数,退款订单总笔数\r\n"
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def _yuan(minor: Ints) -> pa.Array:
    """Write signed minor units as yuan with two decimals."""
    whole = pc.cast(pa.array(np.abs(minor) // 100), pa.string())
    cents = strings(d.digits(np.abs(minor) % 100, 2))
    sign = words(("", "-"), (minor < 0).astype(np.int64))
    return pc.binary_join_element_wise(sign, pc.binary_join_element_wise(whole, cents, "."), "")


def _repeat(text: str, rows: int) -> pa.Array:
    return words((text,), np.zeros(rows, dtype=np.int64))


def _only(there: Flags, column: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(there), column, "")


def _dashed(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def _clock(second: Ints) -> d.Bytes:
    """Write hh:mm:ss."""
    text = clock(second)
    colon = d.constant(":", len(second))
    return joined(text[:, :2], colon, text[:, 2:4], colon, text[:, 4:])


def _orders(lines: Lines, calendar: Calendar, *, own: bool) -> pa.Array:
    """Give the shop's order numbers, which are our transaction ids; a refund carries its payment's, or its own."""
    paid = (lines.kind == REFUND) & (lines.origin_serial != NONE) & (not own)
    days = np.where(paid, lines.origin_day, lines.day)
    return strings(tx_ids(calendar, days, np.where(paid, lines.origin_serial, lines.serial)))


def write_wechat(path: Path, lines: Lines, calendar: Calendar, fleet: Fleet, number: int) -> None:
    """Write the bill of a day."""
    size = lines.size
    refund = lines.kind == REFUND
    amount, fee = np.abs(lines.amount), -lines.fee
    day = calendar.text(number)
    own = rrns(number, calendar, lines.rrn)
    state = refund.astype(np.int64)
    columns = [
        strings(joined(d.constant(_dashed(day) + " ", size), _clock(lines.second))), _repeat("wx2026storno0001", size),
        words(mids(fleet), lines.merchant), _repeat("0", size), words(tids(fleet), lines.terminal),
        strings(joined(d.constant("4200", size), d.constant(day, size), own)),
        _orders(lines, calendar, own=False),
        strings(joined(d.constant("oStorno", size), d.digits(lines.auth, 6))), _repeat("MICROPAY", size),
        words(("SUCCESS", "REFUND"), state), _repeat("OTHERS", size), _repeat("CNY", size),
        _yuan(np.where(refund, 0, amount)), _repeat("0.00", size),
        strings(joined(d.constant("5030", size), d.constant(day, size), own), refund),
        _only(refund, _orders(lines, calendar, own=True)), _yuan(np.where(refund, amount, 0)),
        _repeat("0.00", size), words(("", "ORIGINAL"), state), words(("", "SUCCESS"), state),
        _repeat("到店消费", size), _repeat("", size), _yuan(fee), _repeat("0.60%", size),
        _yuan(np.where(refund, 0, amount)), _yuan(np.where(refund, amount, 0)), _repeat("", size),
    ]  # fmt: skip
    ticked = [pc.binary_join_element_wise("`", column, "") for column in columns]
    paid, back = int(amount[~refund].sum()), int(amount[refund].sum())
    totals = [f"`{size}", *(f"`{_text(one)}" for one in (paid, back, 0, int(fee.sum()), paid, back))]
    body = io.StringIO()
    body.write(",".join(_WECHAT) + "\r\n")
    for row in pc.binary_join_element_wise(*ticked, ",").to_pylist():
        body.write(row + "\r\n")
    body.write(f"{_WECHAT_TOTALS}\r\n{','.join(totals)}\r\n")
    path.write_bytes(body.getvalue().encode("utf-8"))


def _text(minor: int) -> str:
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d}"


def write_alipay(path: Path, lines: Lines, calendar: Calendar, fleet: Fleet, number: int) -> None:
    """Write the zip of a day: the list and its summary."""
    size = lines.size
    refund = lines.kind == REFUND
    day = calendar.text(number)
    own = rrns(number, calendar, lines.rrn)
    at = strings(joined(d.constant(_dashed(day) + " ", size), _clock(lines.second)))
    amount = _yuan(lines.amount)
    none = _repeat("0.00", size)
    columns = [
        strings(joined(d.constant(day + "2200", size), own)), _orders(lines, calendar, own=False),
        words(("交易", "退款"), refund.astype(np.int64)), _repeat("到店消费", size), at, at,
        words(mids(fleet), lines.merchant), _repeat("测试门店", size), _repeat("", size),
        words(tids(fleet), lines.terminal), _repeat("*试用户", size), amount, amount, none, none, none, none, none,
        _repeat("", size), none, none, _only(refund, _orders(lines, calendar, own=True)), _yuan(lines.fee), none,
        _repeat("", size),
    ]  # fmt: skip
    paid, back = lines.amount[~refund], lines.amount[refund]
    head = (
        "#支付宝业务明细查询\r\n#账号：[20880000000000000156]\r\n"
        f"#起始日期：[{_dashed(day)} 00:00:00]   终止日期：[{_dashed(day)} 24:00:00]\r\n"
        "#-----------------------------------------业务明细列表----------------------------------------\r\n"
    )
    tail = (
        "#-----------------------------------------业务明细列表结束------------------------------------\r\n"
        f"#交易合计：{len(paid)}笔，商家实收共{_text(int(paid.sum()))}元，商家优惠共0.00元\r\n"
        f"#退款合计：{len(back)}笔，商家实收退款共{_text(int(back.sum()))}元，商家优惠退款共0.00元\r\n"
        f"#导出时间：[{_dashed(calendar.text(number + 1))} 09:30:00]\r\n"
    )
    rows = pc.binary_join_element_wise(
        *[pc.binary_join_element_wise(one, "\t", "") for one in columns], ","
    ).to_pylist()
    text = head + ",".join(_ALIPAY) + "\r\n" + "".join(f"{row}\r\n" for row in rows) + tail
    summary = f"{_ALIPAY_SUMMARY}合计,,{len(paid)},{len(back)}\r\n"
    name = f"20880000000000000156_{day}"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in ((f"{name}_业务明细.csv", text), (f"{name}_业务明细(汇总).csv", summary)):
            info = zipfile.ZipInfo(member, _ZIP_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            archive.writestr(info, content.encode("gb18030"))
