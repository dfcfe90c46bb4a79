"""The UnionPay network (acquirer to CUPS to issuer): ASCII MTI and fields, binary bitmap of 64 or 128 bits.

Q/CUP 006. A 46-byte header may stand before the MTI; its first byte 0x2E is its own length and cannot start an MTI.
Reversals are 0420 advices tied by F90, with the reason in F60.1; the MAC is F128.
"""

from __future__ import annotations

from storno.iso8583.dialects._notation import CHARACTERS, table
from storno.iso8583.profile import MacScope, OriginalData, Profile, Reason
from storno.iso8583.spec import Dialect, Framing, Head

_FIELDS = """
2 n LL 19
3 n 6
4-6 n 12
7 n 10
8-10 n 8
11-12 n 6
13-18 n 4
19-24 n 3
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
45 x LL 79
46-47 t LLL 999
48 t LLL 512
49-51 x 3
52 b 8 also 16
53 n 16
54 x LLL 120
55 b LLL 255
56 t LLL 255
57-58 t LLL 100
59 t LLL 600
60 t LLL 100
61-62 t LLL 200
63 t LLL 512
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
104 t LLL 600
105-120 t LLL 999
121-123 t LLL 100
124-127 t LLL 999
128 b 8
"""

DIALECT = Dialect(
    name="cups",
    title_zh="银联网络(CUPS)",
    title_en="UnionPay network (CUPS)",
    framing=Framing(header_bytes=46, header_mark=0x2E),
    head=Head.ASCII,
    fields=table(_FIELDS, CHARACTERS),
    match_key=(7, 11, 32, 33),
    match_check=(3, 4),
    mac_field=128,
    profile=Profile(
        mac="cbc_3des",
        mac_scope=MacScope.LINK,
        reversal_mti="0420",
        repeat_marked=True,
        reason_field=60,
        reason_codes=(
            (Reason.TIMEOUT, "4354"),
            (Reason.MAC_ERROR, "4355"),
            (Reason.TERMINAL_FAULT, "4351"),
            (Reason.UNDELIVERABLE, "4356"),
            (Reason.LATE_ANSWER, "4353"),
            (Reason.RECOVERED, "4021"),
            (Reason.OTHER, "4351"),
        ),
        original_data=OriginalData.F90,
        reversal_copies=(
            2,
            3,
            4,
            11,
            12,
            13,
            14,
            15,
            18,
            19,
            22,
            23,
            25,
            32,
            33,
            37,
            38,
            41,
            42,
            43,
            49,
            100,
            121,
        ),
        notes=("F60.1 4021 (time-out, ISO) is read as well as 4354 (time-out at the acquirer).",),
    ),
)
