"""Text that tokenizers stumble over, written for these tests: scripts, directions, marks,
emoji, spaces, controls, code, look-alikes. What cannot be seen is escaped."""

SCRIPTS = {
    "Latin": (
        "Größe, Straße, naïve façade, œuvre, Ångström, Ærø, ñandú, Žižkov, İzmir ıssız ŉ ſ"
    ),
    "Vietnamese": "Mô hình học từ các byte: tiếng Việt có dấu, ưỡn ẹo, ngoằn ngoèo.",
    "Cyrillic": (
        "Мы учим модель читать байты, а не слова: ёлка, объём, №5 — за 10 000 ₽. Ґава, џез"
    ),
    "Greek": "Το μοντέλο διαβάζει ψηφιολέξεις· ᾧ ἄνθρωπος, ῥυθμός; Σίσυφος ς ΐ ΰ",
    "Armenian": "Մենք բաժանում ենք բառերը բայթերի։ և ՙ՚՛",
    "Georgian": "ჩვენ ვყოფთ სიტყვებს ბაიტებად, ᲥᲐᲠᲗᲣᲚᲘ ⴀⴁⴂ",
    "Hebrew": "אנחנו מחלקים מילים לבתים, שָׁלוֹם״ ׳גרש׳ ﬠ ﬡ",
    "Arabic": "نقسم الكلمات إلى بايتات ١٢٣٤٥ — ثم نجمعها بِالتَّشْكِيلِ، ـــ؟ ﷺ ﷽ لا ۱۲۳",
    "Syriac": "ܐܢܚܢܢ ܡܦܠܓܝܢܢ ܡ̈ܠܐ. ߞߏ߫ ߒߞߏ ߁߂߃",
    "Devanagari": (
        "हम शब्दों को बाइट में काटते हैं १२३। क्षत्रिय, श्री, ज़रूरत, क़लम \u0915\u094d\u200d\u0937"
    ),
    "Bengali": "আমরা শব্দকে বাইটে ভাগ করি ১২৩, ক্ষ ৎ ৺ ৴",
    "Tamil": "சொற்களை பைட்டுகளாகப் பிரிக்கிறோம் ௧௨௩ ௰௱௲ கௌ",
    "Telugu, Kannada, Malayalam": ("మేము పదాలను ౧౨౩ ನಾವು ಪದಗಳನ್ನು ೧೨೩ ഞങ്ങൾ വാക്കുകൾ ൧൨൩ ൰൱"),
    "Sinhala": "අපි වචන බයිට් වලට කඩමු ශ්‍රී ලංකා",
    "Thai and Lao": "เราแบ่งคำเป็นไบต์ไทยไม่มีช่องว่าง๑๒๓ น้ำ ເຮົາແບ່ງຄຳ໑໒໓ ກຳ",
    "Khmer and Burmese": "យើងបំបែកពាក្យ១២៣។ ကျွန်ုပ်တို့ ၁၂၃ စကားလုံး ၍၏",
    "Tibetan": "ང་ཚོས་ཚིག་རྣམས་ ༡༢༣ ༄༅། ༳ ཀྵ",
    "Ethiopic": "ቃላትን ወደ ባይት እንከፍላለን። ፩፪፫ ፼",
    "Cherokee and Canadian": "ᏣᎳᎩ ꮳꮃꭹ ᐃᓄᒃᑎᑐᑦ ᐊᐱ",
    "Mongolian": "ᠮᠣᠩᠭᠣᠯ \u180eᠪᠢᠴᠢᠭ᠋ ᠑᠒᠓",
    "Chinese": (
        "分词器把文字切成字节,再合并。今天是二〇二四"
        "年十二月三十一日,价格¥3,000。『引号』、々〆"
    ),
    "Japanese": (
        "単語をバイトに分ける ためしに。カタカナ・ガガ "
        "カ\u3099 ｶﾞ ー ゝゞ 𠮷と𩸽 ㍿ ㌔ ①㊿ 〇"
    ),
    "Korean": "단어를 바이트로 나누고 다시 합칩니다. 한글 ㄱㄴㄷ ㅏㅑ ﾡﾢ",
    "Hangul by jamo": (
        "\u1112\u1161\u11ab\u1100\u1173\u11af \u1112 \u1161 \u11ab \ua960\ud7b0\ud7cb"
    ),
    "Yi, Lisu, Vai": "ꆈꌠꉙ ꓡꓲꓢꓴ ꕙꔤ ꘠꘡꘢",
    "Runes and Ogham": "ᚠᚢᚦᚨᚱᚲ ᛮᛯᛰ \u1680ᚁᚂᚃ",
    "Astral": "𐍈 𐎠𐎡 𐤀𐤁 𓀀𓁐 𒐫𒀀 𐒠𐒡 𞤀𞤣𞤤𞤥 𑄶𑄷 𝟘𝟙 𝒳 𝔘𝔫𝔦 𝟠 𛀁 𠀀 𪛖 𫝀 𝄞 🀄 🂡",
    "Everything touching": "aбγאبकท字カ한1٣๓५½²Ⅷ①!?¿。、٪€😀́",
}
SEQUENCES = {
    "emoji": "👩‍👩‍👧‍👦 👨🏽‍🚀 🏳️‍🌈 🏴‍☠️ 👍🏽👍🏿 ☕️ ☕︎ ♥︎ ❤️‍🔥 1️⃣ #️⃣ ©️ ™️ 🫠",
    "flags": "🇫🇷🇩🇪 🇫 🇷🇷🇷 🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "marks on letters": (
        "a\u0301e\u0308o\u0302\u0323 \u0301 \u0301a n\u0303 \u1e69 s\u0323\u0307"
    ),
    "stacked marks": "x" + "\u0334\u0315\u0489\u0327" * 30 + " Z̷̢̛a̸l̷g̸o̴",
    "joiners": "a\u200db a\u200cb \u200d \u200c\u200d\u2060 \u034f a\u00adb ﬁ ﬀ",
    "directions": (
        "\u200eLTR\u200f RTL \u202a\u202b\u202d\u202e "
        "abc \u202c \u2066\u2067\u2068x\u2069 \u061c"
    ),
    "zero width": (
        "a\u200bb \u200b\u200b \ufeffBOM mid\ufeffdle \u2060word\u2060 \u2061\u2062\u2063"
    ),
    "variation": "㐂\ufe00 \ufe0f \ufe0e A\U000e0100 \U000e0001\U000e0041",
    "replacement": "\ufffd \ufffc \ufff9a\ufffab\ufffb ?\ufffd?",
}
SPACES = {
    "every space": " ".join(
        f"a{space}b{space}{space}c {space}d{space} e{space}1{space}!"
        for space in [
            *"\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000",
            *map(chr, range(0x2000, 0x200B)),
            *"\u180e\u200b\u2060\ufeff\x1c\x1d\x1e\x1f",  # which are none, or none here
        ]
    ),
    "indents": "    four spaces\n\n\n\n        eight\t\ttabs \t mixed\v\f end   \n   ",
    "line ends": "a\r\nb\rc\n\rd\r\r\ne\n\n\r\n\r\nf \r\n g\u2028h\u2029i\x85j\v\fk\r",
    "only spaces": " " * 50 + "\n" * 20 + "\t" * 20 + "\u3000" * 20 + "\xa0" * 20,
    "before a word": "     a\t\tb\n\nc\u3000\u3000d\xa0 e \xa0f\xa0\xa0g  \u2009h",
    "at the end": "word    ",
    "long runs": " " * 3000 + "a" + "\n" * 500 + "b" + "\t" * 300 + "c" + "\r\n" * 200,
}
CONTROLS = {
    "C0": "".join(map(chr, range(32))) + "\x7f" + " ".join(map(chr, range(32))) + " \x7f",
    "C1": "".join(map(chr, range(0x80, 0xA0))) + " ".join(map(chr, range(0x80, 0xA0))),
    "terminal": "\x1b[31mred\x1b[0m \x07bell\x08\x00nul\x00\x00 \x1a",
    "beside surrogates": "\ud7ff\ue000 \ud7fb \uf8ff \ufffd\ufffe\uffff",
    "private use": (
        "\ue000\uf8ff \U000f0000\U000ffffd \U00100000\U0010fffd a\ue123b 1\uf000"
    ),
    "noncharacters": (
        "\ufdd0\ufdef \ufffe\uffff \U0001fffe\U0001ffff \U0010fffe\U0010ffff"
    ),
    "unassigned": "\u0378\u0379 \u0380 a\u05ffb \u2fe0 \U0003fffd \U000e0fff 1\u0378",
    "edges of UTF-8": "\x7f\x80 \u07ff\u0800 \uffff\U00010000 \U0010ffff",
}
QUOTES = {
    "contractions": (
        "doesn't it'll we're I'd they've I'm can't won't y'all'd've 'tis 'twas"
    ),
    "in capitals": "DON'T IT'LL WE'RE I'D THEY'VE I'M Can'T It'S It's 'S 'T 'RE 'Ve 'lL",
    "curly": "doesn’t it’ll we‘re I’d they’ve ‘tis rock ’n’ roll ʼs ´s `s′s ″ ＇s",
    "in pieces": "''s 's's '' 'll'l 'r 're'rere 'v 've'vee 'l 'll'lll 'd'd 'm'm ' s 's'",
    "after other classes": "1's 2'll !'s 字's é're  's\n't\t've \xa0'll 😀's",
    "before marks": "'s\u0301 't\u200d 'ré 'll1 'ſ 'S\u0327 'ı're",
}
NUMBERS = {
    "digits": (
        "1234567890 3.14159 1,000,000 0x1F 1e-9 v2.0.1 2024-12-31T23:59:59Z 100% №1"
    ),
    "no digits": "½ ¼ ⅓ ⅔ ² ³ ¹ ₂ ⁿ Ⅷ ⅷ Ⅿ ↀ ① ⓪ ❶ ㊿ ㈠ ㊀ 〡〢 五 ፩ ༳ ௰ ൰ ৴ 𐄇 𝍠 🄀 🄌",
    "touching": "½kg x²+y² H₂O 1½ 1² Ⅷth a1b2c3 1a2b 3½² ②③ ٣3३๓ 12٣٤",
    "long": "9" * 2000 + " " + "1٣" * 300 + "½" * 200,
}
CODE = {
    "Python": (
        "x = [i**2 for i in n]  # squares\n\tif x[0] "
        "!= -1.5e-10: return {'a': \"b\"}\r\n\r\n"
    ),
    "C": "for (int i=0;i<n;++i){a[i]&=~(1u<<i);}/*--*/ #define X(a,b) a##b // end\\\n",
    "HTML": "<a href=\"?q=1&amp;p=2\" class='x'>&nbsp;&#x1F600;</a><!-- --> </br>",
    "JSON": '{"a":[1,-2.5e+3,null,true],"b":"\\u00e9\\n","c":{}}\n',
    "shell": (
        "grep -rn 'a\\|b' *.py | awk '{print $2}' >/dev/null 2>&1 && echo \"$HOME/${x:-y}\""
    ),
    "TeX": "$\\frac{\\partial L}{\\partial x_{i,j}} = \\sum_k^{n} \\alpha_k'$ %%%%",
    "links": (
        "https://example.org/?q=a%20b&c=d#frag user@example.com C:\\x ../.. --flag=value"
    ),
    "diff": (
        "@@ -1,3 +1,4 @@\n-  old\n+  new\n+\t\n \\ "
        "No newline\n<<<<<<< HEAD\n=======\n>>>>>>>"
    ),
    "punctuation": (
        "?!?! ... … — –- ‐‑ «» „“” ‹› ¡¿ §¶ ††‡ •‣ ©®™ ±×÷≠≤∞∑∫ ←↑→↓ █▓▒░ ™ ℠ ℃ Ω"
    ),
    "long": "a" * 5000 + " " + "=" * 999 + "-" * 998 + " #" * 500 + "ab" * 2000,
    "special": "<|endoftext|> <|endoftext|><|endoftext|> <|endof|text|> <|endoftext| >",
    "base64": (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA=="
    ),
}
LONG = {"unbroken": "你" * 700 + "😀" * 300 + "ء" * 500 + "é" * 300 + "e\u0301" * 300}
TINY = {
    repr(text): text
    for text in ["", " ", "\n", "'", "\u0301", "\u200d", "\U0010ffff", "  "]
}

CORPUS = {
    f"{part}: {name}": text
    for part, texts in {
        "scripts": SCRIPTS,
        "sequences": SEQUENCES,
        "spaces": SPACES,
        "controls": CONTROLS,
        "quotes": QUOTES,
        "numbers": NUMBERS,
        "code": CODE,
        "long": LONG,
        "tiny": TINY,
    }.items()
    for name, text in texts.items()
}
