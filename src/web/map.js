/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A grid as a heat map on canvas. Colours get darker with harm, and cells that are large enough have
 * a mark, so that they can be told apart without seeing colours. Where a cell is one dot, there is an
 * image of dots, of which an update changes those that have changed.
 */
import { el } from "./dom.js";
import { NO_REPORT, NOT_PROBED, NOISE, SHOWN } from "./grid.js";

const SIZE = 760;    /* of the map, CSS pixels; more if the window is higher, but for ABOVE */
const ABOVE = 260;   /* head and controls */
const MARK = 9;      /* cells of at least so many pixels have a mark */
const CELL = 44;     /* the largest cell */
const LABEL = 11;    /* rows and columns with cells of at least so many pixels have their names */
const FONT = "11px system-ui, sans-serif";
const COLOURS = { [NO_REPORT]: "#5c656e", [NOT_PROBED]: "#b3bac1", [NOISE]: "#b9c8dd",
	0: "#cfe3d4", 1: "#f3d97a", 2: "#ee9f3f", 3: "#cc4a26", 4: "#7a1010" };
/* By grade, from the worst that is no harm. */
const DOTS = Uint8ClampedArray.from(Object.keys(COLOURS).map(Number).sort((a, b) => a - b)
	.flatMap((g) => [1, 3, 5].map((i) => parseInt(COLOURS[g].slice(i, i + 2), 16))));

/* Lines of the marks, in parts of a cell. */
const MARKS = {
	[NO_REPORT]: [[0.2, 0.2, 0.8, 0.8], [0.8, 0.2, 0.2, 0.8]],
	[NOT_PROBED]: [[0.15, 0.85, 0.85, 0.15]],
	[NOISE]: [[0.2, 0.5, 0.8, 0.5]],
	1: [[0.5, 0.25, 0.5, 0.75]],
	2: [[0.5, 0.25, 0.5, 0.75], [0.25, 0.5, 0.75, 0.5]],
	3: [[0.5, 0.25, 0.5, 0.75], [0.25, 0.5, 0.75, 0.5], [0.28, 0.28, 0.72, 0.72],
		[0.72, 0.28, 0.28, 0.72]],
};
MARKS[4] = [...MARKS[3], [0.1, 0.1, 0.9, 0.1], [0.9, 0.1, 0.9, 0.9], [0.9, 0.9, 0.1, 0.9],
	[0.1, 0.9, 0.1, 0.1]];

function box(ctx, x, y, s, g) {
	ctx.fillStyle = COLOURS[g];
	ctx.fillRect(x, y, s - (s > 4 ? 1 : 0), s - (s > 4 ? 1 : 0));
	if (s < MARK || !MARKS[g])
		return;
	ctx.strokeStyle = g >= 3 || g === NO_REPORT ? "#ffffff" : "#1a1f24";
	ctx.lineWidth = Math.max(1, s / 12);
	ctx.beginPath();
	for (const [x1, y1, x2, y2] of MARKS[g]) {
		ctx.moveTo(x + s * x1, y + s * y1);
		ctx.lineTo(x + s * x2, y + s * y2);
	}
	ctx.stroke();
}

/* Muted. Lines of another colour would not be seen on dark cells. */
function hatch(ctx, x, y, s, g) {
	ctx.strokeStyle = g >= 3 || g === NO_REPORT ? "#bedbff" : "#0b5cad";
	ctx.lineWidth = 1;
	ctx.beginPath();
	for (let d = 3; d < 2 * s; d += 6) {
		ctx.moveTo(x + Math.max(0, d - s), y + Math.min(d, s));
		ctx.lineTo(x + Math.min(d, s), y + Math.max(0, d - s));
	}
	ctx.stroke();
}

export function legend(by) {
	const item = (g, text, muted) => {
		const c = el("canvas", { width: 32, height: 32, "aria-hidden": "true" });
		box(c.getContext("2d"), 0, 0, 32, g);
		if (muted)
			hatch(c.getContext("2d"), 0, 0, 31, g);
		return el("li", {}, c, text);
	};
	return el("ul", { class: "legend", "aria-label": "Legend" },
		...SHOWN[by].legend.map((t, g) => item(g, t)), item(NOISE, "only host noise"),
		item(NOT_PROBED, SHOWN[by].delay === undefined ? "not probed at this time" :
			"not probed at this time, or no host has said its delay"), item(NO_REPORT, "its hosts do not report"),
		item(0, "muted", true));
}

export class HeatMap {
	/* ops: pick(from, to), say(from, to), muted(name) */
	constructor(grid, ops) {
		Object.assign(this, { grid, ops, cursor: null, bad: false, order: "name", waits: 0 });
		this.rows = this.columns = [];
		this.canvas = el("canvas", { tabindex: "0", role: "application",
			"aria-roledescription": "heat map", onmousemove: (e) => this.move(this.cellAt(e)),
			onclick: (e) => this.open(this.cellAt(e)), onkeydown: (e) => this.key(e) });
	}
	cellAt(event) {
		const r = this.canvas.getBoundingClientRect(), scale = r.width / this.wide;
		const x = Math.floor(((event.clientX - r.left) / scale - this.edge) / this.size);
		const y = Math.floor(((event.clientY - r.top) / scale - this.edge) / this.size);
		return x < 0 || y < 0 || x >= this.columns.length || y >= this.rows.length ? null : { x, y };
	}
	move(cell) {
		this.cursor = cell ?? this.cursor;
		if (this.cursor && this.rows[this.cursor.y] !== undefined)
			this.ops.say(this.rows[this.cursor.y], this.columns[this.cursor.x]);
	}
	/* Where the cursor is, by names. */
	goTo(names) {
		const [from, to] = names ?? [], { names: all } = this.grid;
		const y = this.rows.findIndex((i) => all[i] === from);
		const x = this.columns.findIndex((i) => all[i] === to);
		if (x < 0 && y < 0)
			return;
		/* If one of both has left, the other one's row or column. */
		this.move({ x: Math.max(x, 0), y: Math.max(y, 0) });
		this.soon();
	}
	open(cell) {
		if (cell)
			this.ops.pick(this.rows[cell.y], this.columns[cell.x]);
	}
	key(event) {
		const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
		const at = this.cursor ?? { x: 0, y: 0 };
		const clamp = (v, n) => Math.max(0, Math.min(n - 1, v));
		if (event.key === "Enter") {
			this.open(this.cursor);
		} else if (step[event.key]) {
			const [dx, dy] = this.cursor ? step[event.key] : [0, 0];
			event.preventDefault();
			this.move({ x: clamp(at.x + dx, this.columns.length),
				    y: clamp(at.y + dy, this.rows.length) });
			this.soon();
		}
	}
	/* Which names are rows and columns, and in which order. */
	arrange() {
		const { names, n, rows, columns } = this.grid, worst = this.grid.worst();
		/* What a rail has in common: the device of ports, the last part of switches' names. */
		const rail = (i) => names[i].match(names[i].includes("/") ? /[^/]*$/ : /[^-_.]*$/)[0];
		const collator = new Intl.Collator(undefined, { numeric: true });
		const orders = {
			rail: (a, b) => collator.compare(rail(a), rail(b)) || a - b,
			worst: (a, b) => worst[b] - worst[a] || a - b,
		};
		const some = (from, to) => {
			const list = [];
			for (let i = from; i < to; i++)
				if (!this.bad || worst[i] >= 1)
					list.push(i);
			return orders[this.order] ? list.sort(orders[this.order]) : list;
		};
		this.rows = some(0, rows);
		this.columns = some(columns, n);
	}
	/* All of it. */
	draw() {
		this.arrange();
		const n = Math.max(this.rows.length, this.columns.length, 1);
		const most = Math.max(SIZE, window.innerHeight - ABOVE);
		const room = Math.min(most, Math.max(200, this.canvas.parentElement?.clientWidth || SIZE));
		const ctx = this.canvas.getContext("2d");
		this.dots = window.devicePixelRatio || 1;
		const fit = Math.min(CELL, (room - this.margin(ctx, room / n)) / n);
		this.size = Math.max(1, fit >= 2 ? Math.floor(fit) : 1);
		this.edge = this.margin(ctx, this.size);
		this.wide = this.edge + this.columns.length * this.size;
		this.tall = this.edge + this.rows.length * this.size;
		this.canvas.width = Math.max(1, this.wide * this.dots);
		this.canvas.height = Math.max(1, this.tall * this.dots);
		this.canvas.style.width = `${this.wide}px`;
		this.image = null;
		if (this.size === 1)
			this.makeImage();
		this.paint();
		this.tell();
	}
	/* Some cells have changed. The order remains as it is. */
	change(changed) {
		if (this.bad || this.order === "worst") {
			this.soon(true);
			return;
		}
		if (this.image) {
			const { n } = this.grid;
			for (const at of changed)
				this.dot(this.rowOf[Math.floor(at / n)], this.columnOf[at % n]);
		}
		this.soon();
	}
	/* Draws with the next frame, so that many changes are drawn once. */
	soon(all) {
		this.all ||= all;
		this.waits ||= requestAnimationFrame(() => {
			this.waits = 0;
			if (this.all)
				this.draw();
			else
				this.paint();
			this.all = false;
			this.tell();
		});
	}
	tell() {
		const text = `Heat map of ${this.rows.length} rows and ${this.columns.length} columns; ` +
			`${this.grid.harmed} cells are not as they should be. Arrow keys move, Enter opens.`;
		if (this.canvas.getAttribute("aria-label") !== text)
			this.canvas.setAttribute("aria-label", text);
	}
	paint() {
		const ctx = this.canvas.getContext("2d");
		ctx.setTransform(this.dots, 0, 0, this.dots, 0, 0);
		if (this.image) {
			this.small.getContext("2d").putImageData(this.image, 0, 0);
			ctx.imageSmoothingEnabled = false;
			ctx.drawImage(this.small, 0, 0);
		} else {
			ctx.clearRect(0, 0, this.wide, this.tall);
			this.boxes(ctx);
		}
		if (this.cursor && this.size > 1) {
			/* White within dark, to be seen on every colour. */
			for (const [colour, wide] of [["#1a1f24", 4], ["#ffffff", 2]]) {
				ctx.strokeStyle = colour;
				ctx.lineWidth = wide;
				ctx.strokeRect(this.edge + this.cursor.x * this.size + 2,
					this.edge + this.cursor.y * this.size + 2, this.size - 5, this.size - 5);
			}
		}
	}
	boxes(ctx) {
		const s = this.size, edge = this.edge;
		const muted = new Set([...this.rows, ...this.columns]
			.filter((i) => this.ops.muted(this.grid.names[i])));
		this.rows.forEach((from, y) => this.columns.forEach((to, x) => {
			const g = this.grid.look(from, to);
			box(ctx, edge + x * s, edge + y * s, s, g);
			if (muted.has(from) || muted.has(to))
				hatch(ctx, edge + x * s, edge + y * s, s - 1, g);
		}));
		if (edge)
			this.labels(ctx);
	}
	/* Room for names on the left and above, CSS pixels; 0: cells are too small for them. */
	margin(ctx, size) {
		if (size < LABEL)
			return 0;
		ctx.font = FONT;
		return Math.min(160, 8 + Math.max(...[...this.rows, ...this.columns]
			.map((i) => ctx.measureText(this.grid.names[i]).width)));
	}
	labels(ctx) {
		ctx.font = FONT;
		ctx.fillStyle = getComputedStyle(this.canvas).color;
		ctx.textBaseline = "middle";
		ctx.textAlign = "right";
		this.rows.forEach((i, y) => ctx.fillText(this.grid.names[i], this.edge - 4,
			this.edge + (y + 0.5) * this.size, this.edge - 6));
		ctx.textAlign = "left";
		this.columns.forEach((i, x) => {
			ctx.save();
			ctx.translate(this.edge + (x + 0.5) * this.size, this.edge - 4);
			ctx.rotate(-Math.PI / 2);
			ctx.fillText(this.grid.names[i], 0, 0, this.edge - 6);
			ctx.restore();
		});
	}
	makeImage() {
		const w = this.columns.length, h = this.rows.length;
		this.rowOf = new Int32Array(this.grid.n).fill(-1);
		this.columnOf = new Int32Array(this.grid.n).fill(-1);
		this.rows.forEach((i, y) => { this.rowOf[i] = y; });
		this.columns.forEach((i, x) => { this.columnOf[i] = x; });
		this.image = new ImageData(Math.max(w, 1), Math.max(h, 1));
		this.image.data.fill(255);
		for (let y = 0; y < h; y++)
			for (let x = 0; x < w; x++)
				this.dot(y, x);
		/* putImageData() does not scale. */
		this.small = new OffscreenCanvas(this.image.width, this.image.height);
	}
	dot(y, x) {
		if (y < 0 || x < 0)
			return;
		const g = 3 * (this.grid.look(this.rows[y], this.columns[x]) - NO_REPORT);
		const i = 4 * (y * this.image.width + x), data = this.image.data;
		data[i] = DOTS[g];
		data[i + 1] = DOTS[g + 1];
		data[i + 2] = DOTS[g + 2];
	}
}
