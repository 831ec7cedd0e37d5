"""Hostile values: malformed numbers, too many digits, file names, XML entities."""

from random import Random

CANARY = "/tmp/focal-omr-canary/secret.txt"  # a file that no reader may open

NUMBERS = (
    *("", "0", "-1", "1", "2", "7", "16", "255", "65536", "2147483648", "99999999999999999999"),
    *(
        "1e999",
        "-1e999",
        "1e-400",
        "nan",
        "inf",
        "-0",
        "0x10",
        "1_0",
        " 1",
        "+1",
        "1.5",
        "1/0",
        "0/0",
        "3/-2",
    ),
    *("²", "٣", "½", "९", "1\u0000", "9" * 5000, "1" + "0" * 400),  # digits to some functions of Python
)
TEXTS = (
    *("", " ", "\u0000", "\ud7ff", "\u2028", "\x1b[31m", "a\nb", "%s%n", "{0}", "../../etc/passwd", CANARY),
    *("true", "null", "[]", "none", "C", "c", "G", "x" * 300, "é", "\U0001d11e", "-", "=", "\ufeff"),
)
PROLOGS = (
    f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{CANARY}">]>',
    f'<!DOCTYPE x SYSTEM "file://{CANARY}">',
    '<!DOCTYPE x [<!ENTITY e "ha">]>',
    '<!DOCTYPE x [<!ENTITY a "0123456789"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY e "&b;&b;&b;&b;">]>',
    f'<!DOCTYPE x [<!ENTITY % p SYSTEM "file://{CANARY}"> %p;]>',
    "<?xml version='1.0' encoding='utf-7'?>",
    "<?xml version='1.0' encoding='utf-16'?>",
    "<?xml version='1.0' encoding='idna'?>",
    "<?xml version='1.0' encoding='rot13'?>",
    "<?xml version='1.1'?>",
)


def odd_text(random: Random) -> str:
    """Pick a value to replace a number or a word."""
    return random.choice(NUMBERS if random.random() < 0.6 else TEXTS)
