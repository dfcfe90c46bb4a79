"""UnionPay POS terminals connected directly (直联): TPDU, 6-byte header, BCD, 64-bit bitmap.

Field table of the terminal specification (Q/CUP 009.1 and the older 消息域说明) as public terminal code and dumps
use it. Header values differ between acquirers and are carried, never checked. F52 is 8 bytes, or 16 with SM4: the
length that makes the whole message fit is the right one, 8 first. Fields above 64 are the ISO ones; no terminal sends
them today.
"""

from __future__ import annotations

from storno.iso8583.dialects._notation import BCD, table
from storno.iso8583.profile import Profile
from storno.iso8583.spec import Dialect, Framing, Head

_FIELDS = """
2 n LL 19
3 n 6
4-6 n 12
7 n 10
8-10 n 8
11-12 n 6
13-18 n 4
19-21 n 3
22 n 3 left
23-24 n 3
25-26 n 2
27 n 1
28-31 x 9
32-33 n LL 11
34 x LL 28
35 z LL 37
36 z LLL 104
37 x 12
38 x 6
39 x 2
40 x 3
41 x 8
42 x 15
43 t 40
44 t LL 25
45 x LL 76
46-47 t LLL 999
48 n LLL 322
49-51 x 3
52 b 8 also 16
53 n 16
54 x LLL 120
55 b LLL 255
56-59 t LLL 999
60 n LLL 17
61 n LLL 29
62 b LLL 999
63 t LLL 999
64 b 8
65 b 1
66 n 1
67 n 2
68-70 n 3
71-72 n 4
73 n 6
74-81 n 10
82-85 n 12
86-89 n 16
90 n 42
91 x 1
92 x 2
93 x 5
94 x 7
95 x 42
96 b 8
97 x 17
98 x 25
99-100 n LL 11
101 x LL 17
102-103 x LL 28
104 t LLL 100
105-127 t LLL 999
128 b 8
"""

DIALECT = Dialect(
    name="cup_pos",
    title_zh="银联直联POS终端",
    title_en="UnionPay POS terminal, direct",
    framing=Framing(tpdu_bytes=5, header_bytes=6),
    head=Head.BCD,
    fields=table(_FIELDS, BCD, {60: ("交易类型/批次号", "transaction type and batch")}),
    match_key=(11, 41, 42),
    match_check=(3, 4),
    mac_field=64,
    profile=Profile(reversal_copies=(3, 4, 11, 12, 13, 22, 23, 25, 32, 38, 41, 42, 49, 60, 61)),
)
