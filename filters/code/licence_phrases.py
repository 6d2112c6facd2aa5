"""What tells licences: phrases of their texts and of notices in files, and what people call them."""

# Permissive licences as the Blue Oak Council rates them (model to bronze), public domain dedications included.
_PERMISSIVE = """
MIT MIT-0 Apache-2.0 BSD-2-Clause BSD-3-Clause BSD-3-Clause-Clear BSD-4-Clause 0BSD ISC Unlicense CC0-1.0 Zlib
BSL-1.0 PostgreSQL NCSA Python-2.0 PSF-2.0 BlueOak-1.0.0 X11 UPL-1.0 WTFPL Artistic-2.0 HPND libpng-2.0 Libpng FTL
ICU Unicode-3.0 Unicode-DFS-2016 Ruby AFL-3.0 ECL-2.0 MS-PL curl TCL BSD-1-Clause
"""
PERMISSIVE = tuple(_PERMISSIVE.split())
_OR_LATER = "either version {} of the license or at your option any later version"
# (SPDX name, phrases that must stand in the text, phrases that must not), the first that fits.
TEXTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("AGPL-3.0-only", ("gnu affero general public license version 3",), ()),
    ("LGPL-2.1-only", ("gnu lesser general public license version 2 1",), ()),
    ("LGPL-3.0-only", ("gnu lesser general public license version 3",), ()),
    ("LGPL-2.0-only", ("gnu library general public license version 2",), ()),
    ("GPL-3.0-only", ("gnu general public license version 3 29 june 2007",), ()),
    ("GPL-2.0-only", ("gnu general public license version 2 june 1991",), ()),
    ("GPL-1.0-only", ("gnu general public license version 1 february 1989",), ()),
    ("Apache-2.0", ("apache license version 2 0",), ()),
    ("Apache-1.1", ("the apache software license version 1 1",), ()),
    ("MPL-2.0", ("mozilla public license version 2 0",), ()),
    ("MPL-1.1", ("mozilla public license version 1 1",), ()),
    ("EPL-2.0", ("eclipse public license v 2 0",), ()),
    ("EPL-1.0", ("eclipse public license v 1 0",), ()),
    ("CDDL-1.0", ("common development and distribution license cddl version 1 0",), ()),
    ("EUPL-1.2", ("european union public licence v 1 2",), ()),
    ("CC-BY-NC-SA-4.0", ("attribution noncommercial sharealike 4 0 international",), ()),
    ("CC-BY-NC-4.0", ("attribution noncommercial 4 0 international",), ()),
    ("CC-BY-ND-4.0", ("attribution noderivatives 4 0 international",), ()),
    ("CC-BY-SA-4.0", ("attribution sharealike 4 0 international",), ()),
    ("CC-BY-4.0", ("attribution 4 0 international",), ()),
    ("CC0-1.0", ("cc0 1 0 universal",), ()),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",), ()),
    ("OFL-1.1", ("sil open font license version 1 1",), ()),
    ("BSL-1.0", ("boost software license version 1 0",), ()),
    ("Artistic-2.0", ("the artistic license 2 0",), ()),
    ("Artistic-1.0", ("the artistic license", "preamble the intent of this document"), ()),
    ("WTFPL", ("do what the fuck you want to",), ()),
    ("MS-PL", ("microsoft public license ms pl",), ()),
    ("UPL-1.0", ("universal permissive license upl version 1 0",), ()),
    ("PSF-2.0", ("python software foundation license version 2",), ()),
    ("NCSA", ("university of illinois ncsa open source license",), ()),
    ("PostgreSQL", ("postgresql license",), ()),
    ("BUSL-1.1", ("business source license 1 1",), ()),
    ("SSPL-1.0", ("server side public license version 1",), ()),
    ("Elastic-2.0", ("elastic license 2 0",), ()),
    ("BlueOak-1.0.0", ("blue oak model license",), ()),
    (
        "Zlib",
        (
            "this software is provided as is without any express or implied warranty",
            "altered source versions must be plainly marked",
        ),
        (),
    ),
    (
        "BSD-4-Clause",
        ("redistributions in binary form must reproduce", "all advertising materials mentioning features"),
        (),
    ),
    (
        "BSD-3-Clause-Clear",
        (
            "redistributions in binary form must reproduce",
            "no express or implied licenses to any party s patent rights are granted",
        ),
        (),
    ),
    (
        "BSD-3-Clause",
        ("redistributions in binary form must reproduce", "endorse or promote products derived from this software"),
        (),
    ),
    (
        "BSD-2-Clause",
        ("redistributions of source code must retain", "redistributions in binary form must reproduce"),
        ("endorse or promote",),
    ),
    (
        "ISC",
        (
            "permission to use copy modify and or distribute this software for any purpose with or without fee is "
            "hereby granted provided that",
        ),
        (),
    ),
    (
        "0BSD",
        (
            "permission to use copy modify and or distribute this software for any purpose with or without fee is "
            "hereby granted",
        ),
        ("provided that",),
    ),
    (
        "MIT-0",
        ("permission is hereby granted free of charge to any person obtaining a copy",),
        ("the above copyright notice and this permission notice",),
    ),
    ("X11", ("permission is hereby granted free of charge to any person obtaining a copy", "x consortium"), ()),
    ("MIT", ("permission is hereby granted free of charge to any person obtaining a copy", "without restriction"), ()),
    (
        "HPND",
        (
            "permission to use copy modify and distribute this software and its documentation for any purpose and "
            "without fee is hereby granted",
        ),
        (),
    ),
)
_WORKS = "file code module document program software library work script stylesheet package"
_GIVEN = ("is", "is placed", "is hereby placed", "has been placed")
# What headers of files say of a licence that stands elsewhere.
HEADERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("AGPL-3.0-or-later", ("gnu affero general public license", _OR_LATER.format("3"))),
    ("AGPL-3.0-only", ("gnu affero general public license",)),
    ("LGPL-3.0-or-later", ("gnu lesser general public license", _OR_LATER.format("3"))),
    ("LGPL-2.1-or-later", ("gnu lesser general public license", _OR_LATER.format("2 1"))),
    ("LGPL-2.0-or-later", ("gnu library general public license", _OR_LATER.format("2"))),
    ("GPL-3.0-or-later", ("gnu general public license", _OR_LATER.format("3"))),
    ("GPL-2.0-or-later", ("gnu general public license", _OR_LATER.format("2"))),
    ("GPL-2.0-only", ("gnu general public license", "version 2")),
    ("GPL-3.0-only", ("gnu general public license", "version 3")),
    ("Apache-2.0", ("licensed under the apache license version 2 0",)),
    ("MPL-2.0", ("subject to the terms of the mozilla public license v 2 0",)),
    ("EPL-2.0", ("eclipse public license 2 0",)),
    ("EPL-1.0", ("eclipse public license v1 0",)),
    ("BSL-1.0", ("distributed under the boost software license version 1 0",)),
    ("MIT", ("licensed under the mit license",)),
    ("MIT", ("released under the mit license",)),
    ("MIT", ("under the terms of the mit license",)),
    ("MIT", ("mit license http www opensource org licenses mit license php",)),
    ("BSD-3-Clause", ("use of this source code is governed by a bsd style license",)),
    ("ISC", ("licensed under the isc license",)),
    ("CC0-1.0", ("creativecommons org publicdomain zero 1 0",)),
    ("Unlicense", ("released into the public domain", "unlicense org")),
    *(("CC0-1.0", (f"this {what} {how} in the public domain",)) for what in _WORKS.split() for how in _GIVEN),
)
CLASSIFIERS = {
    "MIT License": "MIT", "Apache Software License": "Apache-2.0", "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only", "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "Python Software Foundation License": "PSF-2.0", "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
}  # fmt: skip
SPOKEN = {
    "mit license": "MIT", "the mit license": "MIT", "expat": "MIT", "apache 2.0": "Apache-2.0",
    "apache2": "Apache-2.0", "apache-2": "Apache-2.0", "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0", "apache software license": "Apache-2.0", "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause", "new bsd": "BSD-3-Clause", "new bsd license": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause", "3-clause bsd": "BSD-3-Clause", "bsd 3-clause": "BSD-3-Clause",
    "simplified bsd": "BSD-2-Clause", "2-clause bsd": "BSD-2-Clause", "gplv3": "GPL-3.0-only",
    "gpl-3": "GPL-3.0-only", "gplv2": "GPL-2.0-only", "gpl-2": "GPL-2.0-only", "gpl (>= 2)": "GPL-2.0-or-later",
    "gpl (>= 3)": "GPL-3.0-or-later", "lgplv3": "LGPL-3.0-only", "lgpl": "LGPL-2.1-or-later", "mpl 2.0": "MPL-2.0",
    "public domain": "CC0-1.0", "psf": "PSF-2.0", "unlicensed": "LicenseRef-proprietary",
    "proprietary": "LicenseRef-proprietary",
}  # fmt: skip
