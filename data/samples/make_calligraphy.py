"""Render the built-in calligraphy set: regular script (kaishu) against running script (xingshu).

A picture is a character of a calligraphic typeface with a free licence, drawn as ink on paper. The
characters come from the Thousand Character Classic (Zhou Xingsi, 6th century), a copybook of
calligraphers for 1,400 years. Only characters that are the same in simplified and traditional
script are used, since a typeface has only one of the two.

The random generator of a picture is seeded by (seed, character, typeface), so that order and number
of the pictures do not matter. Paper, ink, size, position, angle and slant are distributed alike in
both styles: only the writing tells the style.

Needs Pillow, NumPy and OpenCV. FreeType opens npm's woff2 files if it was built with Brotli, as in
Pillow's wheels. The last bit of a pixel depends on the versions of FreeType and OpenCV.

    python data/samples/make_calligraphy.py --npm node_modules --out data/samples/calligraphy
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

CLASSIC = """
天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏閏餘成歲律呂調陽雲騰致雨露結為霜金生麗水玉出崑岡
劍號巨闕珠稱夜光果珍李柰菜重芥薑海鹹河淡鱗潛羽翔龍師火帝鳥官人皇始制文字乃服衣裳推位讓國有虞陶唐
弔民伐罪周發殷湯坐朝問道垂拱平章愛育黎首臣伏戎羌遐邇壹體率賓歸王鳴鳳在樹白駒食場化被草木賴及萬方
蓋此身髮四大五常恭惟鞠養豈敢毀傷女慕貞絜男效才良知過必改得能莫忘罔談彼短靡恃己長信使可覆器欲難量
墨悲絲染詩讚羔羊景行維賢克念作聖德建名立形端表正空谷傳聲虛堂習聽禍因惡積福緣善慶尺璧非寶寸陰是競
資父事君曰嚴與敬孝當竭力忠則盡命臨深履薄夙興溫凊似蘭斯馨如松之盛川流不息淵澄取映容止若思言辭安定
篤初誠美慎終宜令榮業所基籍甚無竟學優登仕攝職從政存以甘棠去而益詠樂殊貴賤禮別尊卑上和下睦夫唱婦隨
外受傅訓入奉母儀諸姑伯叔猶子比兒孔懷兄弟同氣連枝交友投分切磨箴規仁慈隱惻造次弗離節義廉退顛沛匪虧
性靜情逸心動神疲守真志滿逐物意移堅持雅操好爵自縻都邑華夏東西二京背邙面洛浮渭據涇宮殿盤鬱樓觀飛驚
圖寫禽獸畫彩仙靈丙舍傍啟甲帳對楹肆筵設席鼓瑟吹笙升階納陛弁轉疑星右通廣內左達承明既集墳典亦聚群英
杜稿鍾隸漆書壁經府羅將相路俠槐卿戶封八縣家給千兵高冠陪輦驅轂振纓世祿侈富車駕肥輕策功茂實勒碑刻銘
磻溪伊尹佐時阿衡奄宅曲阜微旦孰營桓公匡合濟弱扶傾綺迴漢惠說感武丁俊乂密勿多士寔寧晉楚更霸趙魏困橫
假途滅虢踐土會盟何遵約法韓弊煩刑起翦頗牧用軍最精宣威沙漠馳譽丹青九州禹跡百郡秦并嶽宗恆岱禪主云亭
雁門紫塞雞田赤城昆池碣石鉅野洞庭曠遠綿邈巖岫杳冥治本於農務茲稼穡俶載南畝我藝黍稷稅熟貢新勸賞黜陟
孟軻敦素史魚秉直庶幾中庸勞謙謹敕聆音察理鑒貌辨色貽厥嘉猷勉其祗植省躬譏誡寵增抗極殆辱近恥林皋幸即
兩疏見機解組誰逼索居閒處沉默寂寥求古尋論散慮逍遙欣奏累遣慼謝歡招渠荷的歷園莽抽條枇杷晚翠梧桐早凋
陳根委翳落葉飄颻遊鵾獨運凌摩絳霄耽讀翫市寓目囊箱易輶攸畏屬耳垣牆具膳餐飯適口充腸飽飫烹宰飢厭糟糠
親戚故舊老少異糧妾御績紡侍巾帷房紈扇圓潔銀燭煒煌晝眠夕寐藍筍象床弦歌酒讌接杯舉觴矯手頓足悅豫且康
嫡後嗣續祭祀烝嘗稽顙再拜悚懼恐惶箋牒簡要顧答審詳骸垢想浴執熱願涼驢騾犢特駭躍超驤誅斬賊盜捕獲叛亡
布射僚丸嵇琴阮嘯恬筆倫紙鈞巧任釣釋紛利俗並皆佳妙毛施淑姿工顰妍笑年矢每催曦暉朗曜璇璣懸斡晦魄環照
指薪修祜永綏吉劭矩步引領俯仰廊廟束帶矜莊徘徊瞻眺孤陋寡聞愚蒙等誚謂語助者焉哉乎也
"""
TRAIN_CHARACTERS = 240  # each once per style
TEST_CHARACTERS = 60  # each twice per style: in a seen and in the unseen typeface
SIZE = 112  # height and width of a picture in pixels
OVERSAMPLING = 4  # strokes are drawn at this multiple of SIZE
LEVELS = 16  # levels from ink to paper: four bits per pixel
PAPERS = ((252, 249, 240), (248, 242, 226), (244, 235, 214), (248, 248, 246), (240, 239, 234))
INKS = ((18, 16, 16), (30, 26, 24), (22, 24, 30))  # pine soot is bluish, oil soot warm


@dataclass(frozen=True)
class Typeface:
    """A font file of one style.

    Args:
        name: Lower-case name, words joined by hyphens; the file names of pictures begin with it.
        style: `"kaishu"` or `"xingshu"`.
        file: File name of the font.
        install: Command that installs the font.
        seen: Whether it is in `train` and `test`, or in `test` only.
    """

    name: str
    style: str
    file: str
    install: str
    seen: bool = True


TYPEFACES = (
    Typeface("arphic-ukai", "kaishu", "ukai.ttc", "apt-get install fonts-arphic-ukai"),
    Typeface(
        "lxgw-wenkai", "kaishu", "LXGWWenKai-Regular.ttf", "apt-get install fonts-lxgw-wenkai"
    ),
    Typeface(
        "cns11643-kai",
        "kaishu",
        "TW-Kai-98_1.ttf",
        "apt-get install fonts-cns11643-kai",
        seen=False,
    ),
    Typeface(
        "zhi-mang-xing",
        "xingshu",
        "zhi-mang-xing-chinese-simplified-400-normal.woff2",
        "npm install @fontsource/zhi-mang-xing",
    ),
    Typeface(
        "long-cang",
        "xingshu",
        "long-cang-chinese-simplified-400-normal.woff2",
        "npm install @fontsource/long-cang",
        seen=False,
    ),
)
STYLES = ("kaishu", "xingshu")


def load_fonts(folders: list[Path]) -> dict[str, ImageFont.FreeTypeFont]:
    """Open the font of every typeface.

    Args:
        folders: Folders to search, with their subfolders.

    Returns:
        Name of the typeface -> its font.

    Raises:
        FileNotFoundError: A font is in none of the folders; the message says how to install it.
    """
    wanted = {typeface.file for typeface in TYPEFACES}
    paths = {p.name: p for folder in folders for p in sorted(folder.rglob("*")) if p.name in wanted}
    fonts = {}
    for typeface in TYPEFACES:
        if typeface.file not in paths:
            raise FileNotFoundError(
                f"the typeface {typeface.name} ({typeface.file}) must lie under one of "
                f"{', '.join(map(str, folders))}: run `{typeface.install}`, then name its folder "
                "with --fonts or --npm."
            )
        fonts[typeface.name] = ImageFont.truetype(paths[typeface.file], SIZE * OVERSAMPLING)
    return fonts


def glyph(font: ImageFont.FreeTypeFont, character: str) -> np.ndarray:
    """Draw a character of a font: uint8 (height, width), 255 is ink, without margin."""
    left, top, right, bottom = font.getbbox(character)
    sheet = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(sheet).text((-left, -top), character, fill=255, font=font)
    return np.asarray(sheet.crop(sheet.getbbox()))


def characters(fonts: dict[str, ImageFont.FreeTypeFont]) -> list[str]:
    """List the characters that are the same in both scripts and present in all fonts."""
    small = [font.font_variant(size=24) for font in fonts.values()]
    missing = [glyph(font, "\U0010fffd") for font in small]  # no font has that character

    def shared(character: str) -> bool:
        codes = ("gb2312", "big5")
        return all(character.encode(code, errors="ignore") for code in codes)

    def drawn(character: str) -> bool:
        pairs = zip(small, missing, strict=True)
        return not any(np.array_equal(glyph(font, character), blank) for font, blank in pairs)

    return [c for c in CLASSIC.replace("\n", "") if shared(c) and drawn(c)]


def smooth_noise(
    rng: np.random.Generator, size: int, *, cell: tuple[float, float], angle: float = 0.0
) -> np.ndarray:
    """Return smooth noise of zero mean and unit variance.

    Args:
        rng: Source of randomness.
        size: Height and width of the result in pixels.
        cell: Correlation lengths in pixels, along `angle` and across it.
        angle: Degrees, counter-clockwise.

    Returns:
        float32 (size, size).
    """
    reach = size if angle == 0 else int(1.5 * size)  # a rotated sheet must still cover the picture
    grid = [max(2, round(reach / length)) for length in cell]
    noise = rng.standard_normal(grid[::-1], dtype=np.float32)
    noise = cv2.resize(noise, (reach, reach), interpolation=cv2.INTER_CUBIC)
    if angle:
        turn = cv2.getRotationMatrix2D((reach / 2, reach / 2), angle, 1.0)
        turn[:, 2] -= (reach - size) / 2
        noise = cv2.warpAffine(noise, turn, (size, size))
    return (noise - noise.mean()) / noise.std()


def placed(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """Place a glyph on the sheet at a random size, position, angle and slant.

    Args:
        rng: Source of randomness.
        mask: Glyph, as `glyph` returns it.

    Returns:
        Signed distance to the outline in sheet pixels, positive in the ink: float32 (side, side),
        side = SIZE * OVERSAMPLING.
    """
    side = SIZE * OVERSAMPLING
    scale = rng.uniform(0.76, 0.86) * side / max(mask.shape)
    slant = rng.uniform(-0.04, 0.04)
    angle = np.radians(rng.uniform(-4, 4))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = scale * turn @ np.array([[1, slant], [0, 1]])
    centre = np.array(mask.shape[::-1]) / 2
    shift = side / 2 + rng.uniform(-0.03, 0.03, size=2) * side - matrix @ centre
    ink = cv2.warpAffine(mask, np.column_stack([matrix, shift]), (side, side))
    inside = (ink >= 128).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    return distance - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)


def brush(rng: np.random.Generator, distance: np.ndarray) -> np.ndarray:
    """Draw the ink of the strokes.

    Args:
        rng: Source of randomness.
        distance: Signed distance to the outline, float32 (side, side).

    Returns:
        Density of the ink in [0, 1], float32 (SIZE, SIZE).
    """
    side = len(distance)
    rough = rng.uniform(0.0, 1.0) * smooth_noise(rng, side, cell=(12, 12))
    outline = distance + rough
    # Adding to the distance makes the strokes bolder.
    outline += rng.uniform(0, 0.8) * OVERSAMPLING
    ink = np.clip(outline / OVERSAMPLING + 0.5, 0, 1)

    # Flying white: the hairs of a dry brush leave tracks along the stroke (lines of equal distance
    # to its outline), and its ink does not reach the hollows of the paper.
    hairs = np.interp(
        outline + 1.5 * smooth_noise(rng, side, cell=(40, 40)),
        np.arange(0, side, 3.5),
        rng.standard_normal(len(np.arange(0, side, 3.5))),
    )
    hollows = smooth_noise(rng, side, cell=(OVERSAMPLING, OVERSAMPLING))
    parched = smooth_noise(rng, side, cell=(130, 130))
    dryness = max(0.0, rng.uniform(-1.0, 0.7))
    ink *= np.clip(2.2 - dryness * (1.0 + 1.4 * parched + 0.9 * hairs + 0.6 * hollows), 0.2, 1)

    pooled = smooth_noise(rng, side, cell=(90, 90))
    ink *= np.clip(rng.uniform(0.9, 1.0) + 0.03 * pooled, 0, 1)
    ink = cv2.GaussianBlur(ink, (0, 0), sigmaX=rng.uniform(0.15, 0.6) * OVERSAMPLING)  # soaks in
    return cv2.resize(ink, (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def paper(rng: np.random.Generator) -> np.ndarray:
    """Return mottled, fibrous paper: brightness around 1, float32 (SIZE, SIZE)."""
    sheet = 1 + 0.012 * smooth_noise(rng, SIZE, cell=(32, 32))
    fibres = smooth_noise(rng, SIZE, cell=(14, 1.4), angle=rng.uniform(0, 180))
    sheet -= rng.uniform(0.02, 0.06) * (np.abs(fibres) > 2.4)
    return sheet + rng.uniform(0.004, 0.014) * rng.standard_normal((SIZE, SIZE), dtype=np.float32)


def draw(rng: np.random.Generator, mask: np.ndarray) -> Image.Image:
    """Draw a character on paper.

    Args:
        rng: Source of randomness.
        mask: Glyph, as `glyph` returns it.

    Returns:
        Palette picture of SIZE x SIZE pixels with LEVELS colours.
    """
    ink = brush(rng, placed(rng, mask))
    light = paper(rng) * (1 - ink)
    steps = np.clip(np.rint(light * (LEVELS - 1)), 0, LEVELS - 1).astype(np.uint8)

    dark = np.array(INKS[rng.integers(len(INKS))]) + rng.integers(0, 20)
    bright = np.array(PAPERS[rng.integers(len(PAPERS))]) * rng.uniform(0.94, 1.0)
    ramp = np.linspace(dark, bright, LEVELS)
    picture = Image.fromarray(steps)
    picture.putpalette(np.rint(ramp).astype(np.uint8).tobytes())
    return picture


def render(
    fonts: dict[str, ImageFont.FreeTypeFont], *, seed: int
) -> Iterator[tuple[str, Image.Image]]:
    """Draw the whole set.

    Args:
        fonts: Typeface names and their fonts.
        seed: Seed of the choice of characters and of each picture.

    Yields:
        Relative file name `<split>/<style>/<typeface>_u<code point>.png`, and picture.
    """
    shuffled = np.random.default_rng(seed).permutation(characters(fonts))
    test = shuffled[:TEST_CHARACTERS]
    train = shuffled[TEST_CHARACTERS : TEST_CHARACTERS + TRAIN_CHARACTERS]
    for style in STYLES:
        seen = [t for t in TYPEFACES if t.style == style and t.seen]
        unseen = [t for t in TYPEFACES if t.style == style and not t.seen]
        # The typefaces of a style alternate.
        jobs = [("train", c, seen[i % len(seen)]) for i, c in enumerate(train)]
        jobs += [("test", c, seen[i % len(seen)]) for i, c in enumerate(test)]
        jobs += [("test", c, unseen[i % len(unseen)]) for i, c in enumerate(test)]
        for split, character, typeface in jobs:
            rng = np.random.default_rng([seed, ord(character), TYPEFACES.index(typeface)])
            picture = draw(rng, glyph(fonts[typeface.name], character))
            yield f"{split}/{style}/{typeface.name}_u{ord(character):x}.png", picture


def main(argv: list[str] | None = None) -> int:
    """Write the set and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--fonts",
        type=Path,
        default=Path("/usr/share/fonts"),
        help="folder of installed fonts (default: %(default)s)",
    )
    parser.add_argument(
        "--npm",
        type=Path,
        default=Path("node_modules"),
        help="folder of npm's packages (default: %(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).parent / "calligraphy",
        help="folder of the set (default: beside this script)",
    )
    parser.add_argument("--seed", type=int, default=353, help="default: %(default)s")
    arguments = parser.parse_args(argv)
    try:
        fonts = load_fonts([arguments.fonts, arguments.npm])
    except FileNotFoundError as error:
        print(f"make_calligraphy: {error}", file=sys.stderr)
        return 2
    for name, picture in render(fonts, seed=arguments.seed):
        path = arguments.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, optimize=True, bits=4)
    return 0


if __name__ == "__main__":
    sys.exit(main())
