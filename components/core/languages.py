"""English names of languages, by their code in ISO 639."""

_NAMES = dict(
    entry.split(" ", 1)
    for entry in """
af Afrikaans, am Amharic, ar Arabic, as Assamese, az Azerbaijani, ba Bashkir, be Belarusian, bg Bulgarian, bn Bengali,
bo Tibetan, br Breton, bs Bosnian, ca Catalan, cs Czech, cy Welsh, da Danish, de German, el Greek, en English,
eo Esperanto, es Spanish, et Estonian, eu Basque, fa Persian, fi Finnish, fil Filipino, fo Faroese, fr French,
fy Frisian, ga Irish, gd Scottish Gaelic, gl Galician, gn Guarani, gu Gujarati, ha Hausa, haw Hawaiian, he Hebrew,
hi Hindi, hr Croatian, ht Haitian Creole, hu Hungarian, hy Armenian, ia Interlingua, id Indonesian, ig Igbo,
is Icelandic, it Italian, ja Japanese, jw Javanese, jv Javanese, ka Georgian, kab Kabyle, kk Kazakh, km Khmer,
kn Kannada, ko Korean, ku Kurdish, ky Kyrgyz, la Latin, lb Luxembourgish, lg Luganda, ln Lingala, lo Lao,
lt Lithuanian, lv Latvian, mg Malagasy, mi Maori, mk Macedonian, ml Malayalam, mn Mongolian, mr Marathi, ms Malay,
mt Maltese, my Burmese, nb Norwegian, ne Nepali, nl Dutch, nn Norwegian, no Norwegian, oc Occitan, or Odia, pa Punjabi,
pl Polish, ps Pashto, pt Portuguese, qu Quechua, rm Romansh, ro Romanian, ru Russian, rw Kinyarwanda, sa Sanskrit,
sd Sindhi, si Sinhala, sk Slovak, sl Slovenian, sn Shona, so Somali, sq Albanian, sr Serbian, su Sundanese, sv Swedish,
sw Swahili, ta Tamil, te Telugu, tg Tajik, th Thai, ti Tigrinya, tk Turkmen, tl Tagalog, tr Turkish, tt Tatar,
ug Uyghur, uk Ukrainian, ur Urdu, uz Uzbek, vi Vietnamese, wo Wolof, xh Xhosa, yi Yiddish, yo Yoruba, yue Cantonese,
zh Chinese, zu Zulu
""".replace("\n", " ")
    .strip()
    .split(", ")
)


def code_of(language: str) -> str:
    """Return the language of a tag without its region: `fr-CA` and `fr_CA.UTF-8` are `fr`."""
    return language.replace("_", "-").split("-")[0].lower()


def name_of(language: str) -> str:
    """Return the English name of a language tag; what is no known tag (`Klingon`) stays as it is."""
    return _NAMES.get(code_of(language), language)
