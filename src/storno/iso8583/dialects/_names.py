"""The names of fields 2 to 128 as ISO 8583:1987 and UnionPay use them, shared by all dialects.

A dialect overrides a name where its network uses the field for something else. Pure data.
"""

from __future__ import annotations

_TEXT = """
2 主账号|primary account number
3 交易处理码|processing code
4 交易金额|amount, transaction
5 清算金额|amount, settlement
6 持卡人扣账金额|amount, cardholder billing
7 交易传输时间|transmission date and time
8 持卡人扣账手续费|amount, cardholder billing fee
9 清算汇率|conversion rate, settlement
10 持卡人扣账汇率|conversion rate, cardholder billing
11 系统跟踪号|system trace audit number (STAN)
12 受卡方所在地时间|time, local transaction
13 受卡方所在地日期|date, local transaction
14 卡有效期|date, expiration
15 清算日期|date, settlement
16 兑换日期|date, conversion
17 获取日期|date, capture
18 商户类型|merchant type
19 受理机构国家代码|acquirer country code
20 主账号国家代码|PAN country code
21 转发机构国家代码|forwarder country code
22 服务点输入方式码|point of service entry mode
23 卡序列号|card sequence number
24 网络国际标识|network international identifier
25 服务点条件码|point of service condition code
26 服务点PIN获取码|PIN capture code
27 授权标识应答长度|authorization response length
28 交易费|amount, transaction fee
29 清算费|amount, settlement fee
30 交易处理费|amount, transaction processing fee
31 清算处理费|amount, settlement processing fee
32 受理机构标识码|acquiring institution
33 发送机构标识码|forwarding institution
34 扩展主账号|extended primary account number
35 二磁道数据|track 2 data
36 三磁道数据|track 3 data
37 检索参考号|retrieval reference number (RRN)
38 授权标识应答码|authorization code
39 应答码|response code
40 服务限制码|service restriction code
41 受卡机终端标识码|terminal (TID)
42 受卡方标识码|merchant (MID)
43 受卡方名称地址|card acceptor name and location
44 附加响应数据|additional response data
45 一磁道数据|track 1 data
46 附加数据(ISO)|additional data, ISO
47 附加数据(国家)|additional data, national
48 附加数据(私有)|additional data, private
49 交易货币代码|currency, transaction
50 清算货币代码|currency, settlement
51 持卡人账户货币代码|currency, cardholder billing
52 个人标识码数据|PIN data
53 安全控制信息|security control information
54 附加金额|additional amounts
55 IC卡数据域|ICC data
56 附加信息|additional information
57 附加交易信息|additional transaction data
58 IC卡电子现金信息|e-cash information
59 明细查询数据|detail data
60 自定义域|reserved, private
61 原始信息域|original information
62 自定义域|reserved, private
63 自定义域|reserved, private
64 报文鉴别码|message authentication code (MAC)
65 扩展位图标识|bitmap, extended
66 结算代码|settlement code
67 扩展付款代码|extended payment code
68 接收机构国家代码|receiver country code
69 结算机构国家代码|settlement institution country code
70 网络管理信息码|network management information code
71 报文编号|message number
72 末报文编号|message number, last
73 动作日期|date, action
74 贷记笔数|credits, number
75 冲正贷记笔数|credits, reversal number
76 借记笔数|debits, number
77 冲正借记笔数|debits, reversal number
78 转账笔数|transfers, number
79 冲正转账笔数|transfers, reversal number
80 查询笔数|inquiries, number
81 授权笔数|authorizations, number
82 贷记处理费|credits, processing fee
83 贷记交易费|credits, transaction fee
84 借记处理费|debits, processing fee
85 借记交易费|debits, transaction fee
86 贷记金额|credits, amount
87 冲正贷记金额|credits, reversal amount
88 借记金额|debits, amount
89 冲正借记金额|debits, reversal amount
90 原始数据元|original data elements
91 文件更新码|file update code
92 文件安全码|file security code
93 响应标识|response indicator
94 服务标识|service indicator
95 替换金额|replacement amounts
96 报文安全码|message security code
97 净结算金额|amount, net settlement
98 收款人|payee
99 结算机构标识码|settlement institution
100 接收机构标识码|receiving institution
101 文件名|file name
102 账户标识1|account identification 1
103 账户标识2|account identification 2
104 交易描述|transaction description
121 受理机构保留域|reserved for the acquirer or switch
122 受理方保留|reserved for the acquirer
123 发卡方保留|reserved for the issuer
128 报文鉴别码|message authentication code (MAC)
"""


def _read() -> dict[int, tuple[str, str]]:
    names = dict.fromkeys(range(2, 129), ("保留域", "reserved"))
    for line in _TEXT.strip().splitlines():
        number, _, both = line.partition(" ")
        zh, _, en = both.partition("|")
        names[int(number)] = (zh, en)
    return names


NAMES: dict[int, tuple[str, str]] = _read()
