"""E-mail addresses: exactly the address, whatever stands next to it."""

import pytest

from tests.filters.pii.made_values import found_values

FOUND = [
    # next to scripts without blanks between words, and to Korean endings
    ("请联系anna@ferrylines.com谢谢", ["anna@ferrylines.com"]),
    ("連絡先はanna@ferrylines.co.jpです", ["anna@ferrylines.co.jp"]),
    ("メールanna@ferrylines.comまで", ["anna@ferrylines.com"]),
    ("이메일anna@ferrylines.com로", ["anna@ferrylines.com"]),
    ("anna@ferrylines.com으로 보내", ["anna@ferrylines.com"]),
    ("อีเมลanna@ferrylines.comครับ", ["anna@ferrylines.com"]),
    ("邮箱：anna@ferrylines.com。", ["anna@ferrylines.com"]),
    ("（anna@ferrylines.com）", ["anna@ferrylines.com"]),
    ("anna@ferrylines.com和bob@ferrylines.com联系", ["anna@ferrylines.com", "bob@ferrylines.com"]),
    ("QQ邮箱123456789@qq.com微信同号", ["123456789@qq.com"]),
    # next to words of any other script, and as East Asian keyboards write them
    ("Пишитеanna@ferrylines.ruсегодня", ["anna@ferrylines.ru"]),
    ("البريدanna@ferrylines.comللتواصل", ["anna@ferrylines.com"]),
    ("לanna@ferrylines.co.ilבבקשה", ["anna@ferrylines.co.il"]),
    ("ईमेलanna@ferrylines.inपर", ["anna@ferrylines.in"]),
    ("Στείλτεanna@ferrylines.grτώρα", ["anna@ferrylines.gr"]),
    ("иван.petrov@ferrylines.ru", ["иван.petrov@ferrylines.ru"]),
    ("邮箱anna＠ferrylines.com谢谢", ["anna＠ferrylines.com"]),
    ("ａｎｎａ＠ｆｅｒｒｙｌｉｎｅｓ．ｃｏｍ", ["ａｎｎａ＠ｆｅｒｒｙｌｉｎｅｓ．ｃｏｍ"]),
    # addresses of other scripts
    ("почта@пример.рф сегодня", ["почта@пример.рф"]),
    ("联系 jo@例子.中国吧", ["jo@例子.中国"]),
    ("jo.smith@münchen.de", ["jo.smith@münchen.de"]),
    ("josé@corp-mail.com", ["josé@corp-mail.com"]),
    # marks that programs and writers put around
    ("email=jo@corp-mail.com", ["jo@corp-mail.com"]),
    ("mailto:jo@corp-mail.com?subject=x", ["jo@corp-mail.com"]),
    ("https://x.com/?to=jo@corp-mail.com&a=1", ["jo@corp-mail.com"]),
    ("https://lists.org/archive/jo@corp-mail.com/", ["jo@corp-mail.com"]),
    ("mailto%3Ajo@corp-mail.com", ["jo@corp-mail.com"]),
    ("{{Cite|last=jo@corp-mail.com|x}}", ["jo@corp-mail.com"]),
    ("_jo@corp-mail.com_ and **bo@corp-mail.com**", ["jo@corp-mail.com", "bo@corp-mail.com"]),
    ("<jo@corp-mail.com>, {bo@corp-mail.com}", ["jo@corp-mail.com", "bo@corp-mail.com"]),
    ("info@corp-mail.comTel: 1", ["info@corp-mail.com"]),
    # marks that belong to the address
    ("O'Brien@corp-mail.com", ["O'Brien@corp-mail.com"]),
    ("bounce+jo=corp.de@list-mail.org", ["bounce+jo=corp.de@list-mail.org"]),
    ("a.b+c_d@sub.corp.de;x@corp.de", ["a.b+c_d@sub.corp.de", "x@corp.de"]),
]
NOTHING = [
    "git@github.com:user/repo.git",
    "x@localhost, @decorator, a @ b.com, user@1.2.3",
    "joe@invalid.notatld",
    "go get example.com/module@v1.3.4",
    "npm install left@1.2.0 right@next.js2",
    "info***@ferrylines.com",
    "请看@用户的微博.谢谢",
    "@anna.com是我",
    "https://jo:p@ss!1x@corp.com/",
    "@media screen.and",
    "a@b",
    "价格@5.5元",
    "f(x@y.T)",
    "user@例子",
]


@pytest.mark.parametrize(("text", "expected"), FOUND, ids=[text for text, _ in FOUND])
def test_found(text: str, expected: list[str]) -> None:
    assert found_values(text, "email") == expected


@pytest.mark.parametrize("text", NOTHING)
def test_nothing_found(text: str) -> None:
    assert found_values(text, "email") == []
