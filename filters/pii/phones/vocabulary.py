"""The words that call a number a telephone number, in the languages where they were looked up; all in lower case."""

# They name a number: `Tel.`, `Fax`, `電話`.
LABELS = frozenset(
    """
    phone phones telephone telephones tel tele ph phn mobile mobiles mob cell cellphone cellular fax facsimile fx
    whatsapp hotline helpline landline landlines voicemail pager tollfree switchboard sms tty tdd telno
    fon telefon telefonnr telefonnummer telefax fernruf rufnummer rufnr handy handynr handynummer mobil mobilnummer
    mobiltelefon durchwahl telefonisch gsm
    téléphone téléphonie téléphonique telephonique télephone tél tèl télécopie télécopieur portable
    teléfono telefono teléfonos telefónico tfno tfnos tlf tlfno tlfn telf tfo tno móvil movil celular celulares cel
    telefone telefones telefônico telemóvel fone zap cellulare cellulari telefonico telefoon telefoonnummer mobiel
    mobielnummer tlph puhelin puhelinnumero puh sími infolinia komórka komórkowy telefonu telefón telefónne telefonicky
    telefonicznie mobilní cep faks telepon telp handphone đt sđt thoại
    телефон телефоны телефона телефону телефоном тел моб мобильный факс мобільний телефонът
    τηλ τηλέφωνο τηλέφωνα τηλεφωνο κινητό φαξ
    هاتف الهاتف تلفون تليفون جوال الجوال موبايل فاكس تلفن همراه
    טלפון טל נייד פקס
    फोन फ़ोन मोबाइल दूरभाष ফোন মোবাইল
    """.split()  # noqa: SIM905
)
# Labels that are everyday words too: with a mark behind them (`cell: ...`) they name a number, else they ask for one.
EVERYDAY_LABELS = frozenset("cell cel mobile mobil mobiles portable handy tele pager sms zap همراه".split())  # noqa: SIM905
PLURAL_LABELS = frozenset("phones telephones mobiles teléfonos телефоны".split())  # noqa: SIM905  they may be counted
# Labels of scripts without blanks between words: what stands directly before the number ends with one of these.
UNSPACED_LABELS = tuple(
    """
    电话 電話 手机 手機 电话号码 電話號碼 手机号码 手機號碼 电话号 手机号 传真 傳真 热线 熱線
    专线 專線 致电 致電 拨打 撥打 咨询 電話番号 携帯 携帯番号 FAX番号 ファックス ファクス
    フリーダイヤル お問い合わせ先 联系方式 聯絡方式 聯繫方式 연락처 전화 전화번호 휴대폰 핸드폰 팩스
    문의 โทร โทรศัพท์ มือถือ เบอร์ แฟกซ์ โทรสาร
    """.split()  # noqa: SIM905
)
# What may stand between such a label and the number: `是`, `は`, `는` and their like.
UNSPACED_TAILS = tuple("是 为 為 就是 は が へ に を まで 는 은 가 이 로 으로 번호 番号 คือ ที่ ได้ที่ เลขที่".split())  # noqa: SIM905
STEMS = ("phone", "telefon", "telefoon", "handy", "mobil", "mobile", "fax", "rufnummer")  # longer labels end with them
# They ask for a call: `call me at`, `messages to`.
REQUESTS = frozenset(
    """
    call calls calling dial dialing dialling ring text texting reach reached message messages answering number numb
    anrufen anruf anrufe erreichbar appeler appelez joignable joignables joindre contacter contactez faxer numéro
    llamar llame llámenos llámanos llamando contacto número ligue ligar contato contacte chiama chiamare chiamate chiami
    numero recapito bellen bel ringa nummer zadzwoń volejte zavolejte звоните звонить звони позвоните arayın hubungi
    اتصل للاتصال
    """.split()  # noqa: SIM905
)
WRITINGS = frozenset("text texting message messages".split())  # noqa: SIM905  requests only with `to`, `at` or `me`
NUMBER_WORDS = frozenset("number numb numéro número numero nummer".split())  # noqa: SIM905  requests only behind an owner
OWNERS = frozenset(  # whose number it is: a number of anything else has another word before it
    """
    my your his her our their this following contact registered mon ma votre notre son sa leur ce au suivant meine mein
    ihre ihr unsere seine su mi tu nuestro vuestro meu minha seu sua nosso mio tuo suo nostro mijn uw zijn ons
    """.split()  # noqa: SIM905
)
NO_CALLERS = frozenset("system function method api library procedure remote virtual phone".split())  # noqa: SIM905  their calls
# They ask for a call where they stand directly before the number, or `no.` alone between.
PLACES = frozenset("desk office contact info kontakt contacto contato contatti bureau büro".split())  # noqa: SIM905
# What may stand between one of these words and the number.
FILLERS = frozenset(
    """
    me us him her them you at on to the my our your his their a an is are was be now direct directly for free toll or and
    by via under no nos nr nbr num number numbers line lines new here please just only following registered main with it
    kom dom int intl international local home work business service services text extension
    au aux à le la les un une notre votre mon numéro numéros suivant est n° et ou en du des d l par
    am an auf unter der die das dem den und oder nummer nr ist bei zu
    al el los las su mi nuestro número numeros números y o de del es
    ao o a os as do da no na em e nosso é
    il lo gli numero numeri nostro è
    het op naar en of
    на по и или номер номеру
    """.split()  # noqa: SIM905
)
NUMBER_MARKS = frozenset("no nos nr nbr num number numbers".split())  # noqa: SIM905
COPULAS = frozenset("is are est ist es é è lautet".split())  # noqa: SIM905
# They may stand behind the number, where the line or the clause ends with them.
WORDS_BEHIND = tuple(
    """
    office fax mobile cell home work desk direct tel phone mob whatsapp landline voice toll-free telefon handy mobil
    móvil celular portable domicile bureau büro
    """.split()  # noqa: SIM905
)

# What the pre-scan looks for besides PLACES; a letter with a colon it knows by itself.
ALL_WORDS = frozenset(
    {*LABELS, *UNSPACED_LABELS, *STEMS, *REQUESTS, "wa.me", *(word.partition("-")[0] for word in WORDS_BEHIND)}
)
