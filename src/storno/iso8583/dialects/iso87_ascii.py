"""Plain ISO 8583:1987 as text: ASCII MTI, bitmap as hex characters, ASCII fields.

The layout most hosts outside UnionPay speak in tests. No MAC by default: the standard leaves the method to the two
parties and public samples carry none; a profile that names one makes F64 (or F128 with a second bitmap) 16 hex
characters.
"""

from __future__ import annotations

from storno.iso8583.dialects._notation import CHARACTERS_HEX, table
from storno.iso8583.profile import OriginalData, Profile
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
35 x LL 37
36 x LLL 104
37 x 12
38 x 6
39 x 2
40 x 3
41 x 8
42 x 15
43 x 40
44 t LL 99
45 x LL 76
46-48 t LLL 999
49-51 x 3
52 b 8 also 16
53 n 16
54 x LLL 120
55-63 t LLL 999
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
    name="iso87_ascii",
    title_zh="ISO 8583:1987 文本报文",
    title_en="ISO 8583:1987 as text",
    framing=Framing(),
    head=Head.ASCII_HEX,
    fields=table(_FIELDS, CHARACTERS_HEX),
    match_key=(7, 11, 41),
    match_check=(3, 4),
    mac_field=64,
    profile=Profile(
        mac="none",
        reversal_mti="0400",
        repeat_marked=True,
        original_data=OriginalData.F90,
        reversal_copies=(2, 3, 4, 11, 12, 13, 18, 22, 23, 25, 32, 33, 37, 38, 41, 42, 49),
    ),
)
