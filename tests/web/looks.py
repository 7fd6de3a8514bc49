# SPDX-License-Identifier: Apache-2.0
"""Who can read the page: names, contrast, dark and light. page.py and recorded.py run it."""

import os
import sys

from checks import check, until

BUILD = os.path.abspath(sys.argv[1])
AXE = """
const done = await axe.run(document, { resultTypes: ['violations'] });
return done.violations.map((v) => `${v.impact} ${v.id}: ${v.nodes[0].html.slice(0, 120)}`);
"""
# What a screen reader needs: a name for what can be used, an order of headings, one main part.
NAMES = """
const bad = [];
for (const e of document.querySelectorAll('button, a[href], input, select, canvas, svg, table')) {
    const name = e.getAttribute('aria-label') || e.textContent.trim() || e.title ||
        [...(e.labels ?? [])].map((l) => l.textContent.trim()).join('');
    if (!name && !e.closest('[aria-hidden]') && !e.hidden)
        bad.push(e.outerHTML.slice(0, 120));
}
if (document.querySelectorAll('main').length !== 1 || document.querySelectorAll('h1').length !== 1)
    bad.push('main or h1');
if (!document.documentElement.lang || !document.title)
    bad.push('language or title');
return bad;
"""


# Of each text that is shown: the contrast of its colour and of what is behind it, by WCAG 2.2
# ("contrast ratio"), which asks for 4.5 to 1, or 3 to 1 if the text is large; and of the borders of
# what can be used, 3 to 1. Returns what has less.
CONTRAST = """
const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
};
const light = (c) => c.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((m, n) => n - m);
    return (x + 0.05) / (y + 0.05);
};
const behind = (e) => {
    for (; e; e = e.parentElement) {
        const before = e instanceof SVGElement && e.previousElementSibling?.tagName === 'rect' ?
            e.previousElementSibling : null;
        const [a, b] = [e, before ?? e].map((x) => x.getBoundingClientRect());
        const box = before && a.left < b.right && b.left < a.right && a.top < b.bottom &&
            b.top < a.bottom ? getComputedStyle(before).fill : getComputedStyle(e).backgroundColor;
        if (rgba(box)[3] === 255)
            return rgba(box);
    }
    throw new Error('nothing is behind');
};
const bad = [];
let texts = 0;
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
    const e = walk.currentNode.parentElement, style = getComputedStyle(e);
    if (!walk.currentNode.data.trim() || !e.getClientRects().length || e.closest('noscript, title'))
        continue;
    const colour = rgba(e instanceof SVGElement ? style.fill : style.color);
    const size = parseFloat(style.fontSize), bold = +style.fontWeight >= 700;
    const found = ratio(colour, behind(e));
    texts++;
    if (colour[3] !== 255 || found < (size >= 24 || (bold && size >= 18.66) ? 3 : 4.5))
        bad.push(`${found.toFixed(2)} ${walk.currentNode.data.trim().slice(0, 40)}`);
}
for (const e of document.querySelectorAll('select, main button:not(th *), input:not([type=range],'
                                          + '[type=checkbox])')) {
    const found = ratio(rgba(getComputedStyle(e).borderTopColor), behind(e.parentElement));
    if (e.getClientRects().length && found < 3)
        bad.push(`${found.toFixed(2)} border of ${e.id || e.name}`);
}
return [texts, bad];
"""
# Of each item of the legend, beginning with no loss: how light it is, and the contrast of its mark.
# A cell without a mark has 1.
CELLS = """
const light = (c) => c.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
return [...document.querySelectorAll('.legend canvas')].map((c) => {
    const p = c.getContext('2d').getImageData(0, 0, 31, 31).data, back = light([...p.slice(0, 3)]);
    const ratios = [];
    for (let i = 0; i < p.length; i += 4) {
        const other = light([...p.slice(i, i + 3)]);
        ratios.push((Math.max(other, back) + 0.05) / (Math.min(other, back) + 0.05));
    }
    return [back, Math.max(...ratios)];
});
"""
# A muted cell of each grade: the contrast of its hatching.
HATCH = """
const { HeatMap } = await import('/map.js'), { Grid } = await import('/grid.js');
const lost = [0, 2, 10, 50, 400, null];
const grid = new Grid({ names: lost.map((_, i) => `n${i}`), rows: lost.length, columns: 0,
    time_ns: 1, window_s: 20, cells: lost.flatMap((n, i) => n === null ? [] :
        [[0, i, 1000, 1000 - n, n, 0, 9e3, null, null, null]]) });
const map = new HeatMap(grid, { pick() {}, say() {}, muted: (name) => name !== 'none' });
document.querySelector('main').append(map.canvas);
map.draw();
const s = map.size, d = devicePixelRatio, ctx = map.canvas.getContext('2d');
const light = (c) => c.map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const cell = (y, x) => {
    /* Near the upper left corner, where no mark is; the hatching begins 3 pixels off it. */
    const p = ctx.getImageData((map.edge + x * s + 1) * d, (map.edge + y * s + 1) * d, 6 * d,
                               6 * d);
    const all = [];
    for (let i = 0; i < p.data.length; i += 4)
        all.push(light([...p.data.slice(i, i + 3)]));
    return (Math.max(...all) + 0.05) / (Math.min(...all) + 0.05);
};
const found = [...lost.keys()].map((x) => cell(0, x)).concat(cell(1, 0));
map.canvas.remove();
return found;
"""


def saved(b, name):
    """What a link to a CSV saves."""
    return b.run("""let blob;
        const make = URL.createObjectURL;
        URL.createObjectURL = (x) => { blob = x; return make.call(URL, x); };
        const a = [...document.querySelectorAll('a')].find((x) => x.textContent === arguments[0]);
        a.addEventListener('click', (event) => event.preventDefault(), { once: true });
        a.click();
        return await blob.text();""", name).split("\r\n")


def contrast(b, what):
    texts, bad = b.run(CONTRAST)
    check(f"{what}: all texts can be read: {bad}", texts > 10 and bad == [])


def cells(b, what):
    """Needs a map."""
    found = b.run(CELLS)
    print("#", what, "lightness and contrast of cells:", found)
    lights = [light for light, _ in found[:5]]
    check(f"{what}: cells are darker the more is lost", lights == sorted(lights, reverse=True))
    check(f"{what}: marks and hatching are seen on their cells",
          all(mark >= 3 for _, mark in found[1:]))
    hatched = b.run(HATCH)
    print("#", what, "contrast of hatching:", hatched)
    # A line of one pixel that is not upright has a bit less than its colour.
    check(f"{what}: what is muted is seen in cells of each grade", min(hatched) >= 2)


def dark(b, yes):
    b.devtools("Emulation.setEmulatedMedia", features=[
        {"name": "prefers-color-scheme", "value": "dark" if yes else "light"}])


def accessible(b, url, views):
    """axe-core, if npm could install it, and what must hold without it. Dark and light."""
    axe = os.path.join(BUILD, "tests/web/node_modules/axe-core/axe.min.js")
    text = open(axe).read() if os.path.exists(axe) else None
    print("# axe-core", "is used" if text else "is not there: only names are checked")
    for scheme in ("light", "dark"):
        dark(b, scheme == "dark")
        for view in views:
            what = f"{view.split('/')[0]}, {scheme}"
            b.go(f"{url}/?{scheme}#/{view}")
            until(view, lambda: b.text("h2") and "loading" not in b.text("main"))
            b.screenshot(os.path.join(BUILD, f"tests/web/{view.split('/')[0]}-{scheme}.png"))
            check(f"{what}: everything has a name", b.run(NAMES) == [])
            contrast(b, what)
            if view == "mesh":
                cells(b, what)
            if text:
                b.run(text)
                found = b.run(AXE)
                print("#", found)
                check(f"{what}: axe-core finds nothing serious", not [
                    x for x in found if x.startswith(("serious", "critical"))])
    dark(b, False)
