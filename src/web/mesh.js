/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heat map: who probes in rows, who is probed in columns. First ToR by ToR, then the ports
 * under two ToRs. Colours get darker with harm, and cells that are large enough have a mark, so that they
 * can be told apart without seeing colours.
 */
import { el, get, micro, percent } from "./dom.js";

const SIZE = 760;    /* of the map at most, CSS pixels */
const MARK = 9;      /* cells of at least so many pixels have a mark */
const CELL = 44;     /* the largest cell */
const LABEL = 11;    /* rows and columns with cells of at least so many pixels have their names */
const FONT = "11px system-ui, sans-serif";
/* Of probes that were lost. Below the first step, it may be chance. */
const LOSS = [0, 0.0005, 0.005, 0.05, 0.3];
/* RTT against the median of all cells. */
const SLOW = [0, 1.5, 3, 10, 30];
const COLOURS = ["#cfe3d4", "#f3d97a", "#ee9f3f", "#cc4a26", "#7a1010"];
const NOTHING = "#9da5ad", NOISE = "#b9c8dd";

/* The cells as objects, by row and column. */
function index(data) {
	const at = new Map();

	for (const [from, to, sent, answered, lost, noise, rtt_ns] of data.cells)
		at.set(from * data.names.length + to, { from, to, sent, answered, lost, noise, rtt_ns });
	return at;
}

function median(list) {
	const sorted = list.filter((x) => typeof x === "number").sort((a, b) => a - b);

	return sorted.length ? sorted[sorted.length >> 1] : null;
}

/* -2: nothing was probed; -1: only noise of hosts; 0 to 4: how bad. */
function grade(cell, by, usual) {
	if (!cell || cell.sent === 0)
		return -2;
	if (cell.answered + cell.lost === 0)
		return -1;
	const steps = by === "loss" ? LOSS : SLOW;
	const value = by === "loss" ? cell.lost / (cell.answered + cell.lost) :
		cell.rtt_ns === null ? null : cell.rtt_ns / usual;
	if (value === null)
		return -2;
	let step = 0;
	while (step + 1 < steps.length && value >= steps[step + 1])
		step++;
	/* One lost probe of a few is no rate. */
	return by === "loss" && cell.lost === 1 && cell.sent < 200 ? Math.min(step, 1) : step;
}

const colour = (g) => g === -2 ? NOTHING : g === -1 ? NOISE : COLOURS[g];

function mark(ctx, x, y, s, g) {
	ctx.strokeStyle = g >= 3 ? "#ffffff" : "#1a1f24";
	ctx.lineWidth = Math.max(1, s / 12);
	ctx.beginPath();
	if (g === -2 || g === -1) {
		ctx.strokeStyle = "#5c656e";
		ctx.moveTo(x + s * 0.15, y + s * 0.85);
		ctx.lineTo(x + s * 0.85, y + s * 0.15);
	} else if (g >= 1) {
		ctx.moveTo(x + s * 0.5, y + s * 0.25);
		ctx.lineTo(x + s * 0.5, y + s * 0.75);
		if (g >= 2) {
			ctx.moveTo(x + s * 0.25, y + s * 0.5);
			ctx.lineTo(x + s * 0.75, y + s * 0.5);
		}
		if (g >= 3) {
			ctx.moveTo(x + s * 0.28, y + s * 0.28);
			ctx.lineTo(x + s * 0.72, y + s * 0.72);
			ctx.moveTo(x + s * 0.72, y + s * 0.28);
			ctx.lineTo(x + s * 0.28, y + s * 0.72);
		}
	}
	ctx.stroke();
}

function box(ctx, x, y, s, g) {
	ctx.fillStyle = colour(g);
	ctx.fillRect(x, y, s - (s > 4 ? 1 : 0), s - (s > 4 ? 1 : 0));
	if (s >= MARK && g !== 0)
		mark(ctx, x, y, s, g);
}

function rgb(hex) {
	return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

function legend(by) {
	const texts = by === "loss" ?
		["no loss, or one probe of thousands", "0.05 % lost, or a single probe", "0.5 %", "5 %", "30 %"] :
		["usual RTT", "1.5 times the median of the map", "3 times", "10 times", "30 times"];
	const item = (g, text) => {
		const c = el("canvas", { width: 32, height: 32, "aria-hidden": "true" });
		box(c.getContext("2d"), 0, 0, 32, g);
		return el("li", {}, c, text);
	};
	return el("ul", { class: "legend", "aria-label": "Legend" }, ...texts.map((t, g) => item(g, t)),
		item(-1, "only host noise"), item(-2, "not probed, or no report"));
}

function sentence(data, by, cell, from, to) {
	const names = `${data.names[from]} → ${data.names[to]}`;

	if (!cell || cell.sent === 0)
		return `${names}: no probes in the last ${data.window_s} s: not in the plan at this time, or ` +
			"its hosts do not report.";
	return `${names}: ${percent(cell.lost, cell.answered + cell.lost)} lost ` +
		`(${cell.lost} of ${cell.answered + cell.lost}), RTT ${micro(cell.rtt_ns)} on average` +
		(cell.noise ? `, ${cell.noise} not judged because a host stalled` : "") + ".";
}

/* Room for names on the left and above, CSS pixels; 0: cells are too small for them. */
function margin(ctx, names, size) {
	if (size < LABEL)
		return 0;
	ctx.font = FONT;
	return Math.min(160, 8 + Math.max(...names.map((n) => ctx.measureText(n).width)));
}

class Map2D {
	constructor(data, at, pick, say) {
		Object.assign(this, { data, at, pick, say, by: "loss", bad: false, cursor: null });
		this.canvas = el("canvas", { tabindex: "0", role: "img",
			onmousemove: (e) => this.move(this.cellAt(e)),
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
			this.say(this.rows[this.cursor.y], this.columns[this.cursor.x]);
	}
	open(cell) {
		if (cell)
			this.pick(this.rows[cell.y], this.columns[cell.x]);
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
			this.draw();
		}
	}
	/* How bad each cell is, and which rows and columns are shown. */
	judge() {
		const n = this.data.names.length;
		const usual = median([...this.at.values()].map((c) => c.rtt_ns)) || 1;
		const from = new Set(), to = new Set();
		this.grade = new Map();
		for (const [key, cell] of this.at) {
			const g = grade(cell, this.by, usual);
			this.grade.set(key, g);
			if (g >= 1) {
				from.add(cell.from);
				to.add(cell.to);
			}
		}
		const all = this.data.names.map((_, i) => i);
		const square = this.data.columns === 0 ? new Set([...from, ...to]) : null;
		this.rows = all.slice(0, this.data.rows)
			.filter((i) => !this.bad || (square ?? from).has(i));
		this.columns = all.slice(this.data.columns, n)
			.filter((i) => !this.bad || (square ?? to).has(i));
	}
	at2(y, x) {
		return this.grade.get(this.rows[y] * this.data.names.length + this.columns[x]) ?? -2;
	}
	draw() {
		this.judge();
		const n = Math.max(this.rows.length, this.columns.length, 1);
		const room = Math.min(SIZE, Math.max(200, this.canvas.parentElement?.clientWidth || SIZE));
		const ctx = this.canvas.getContext("2d"), dots = window.devicePixelRatio || 1;
		const names = [...this.rows, ...this.columns].map((i) => this.data.names[i]);
		const fit = Math.min(CELL, (room - margin(ctx, names, room / n)) / n);
		this.size = Math.max(1, fit >= 2 ? Math.floor(fit) : 1);
		this.edge = margin(ctx, names, this.size);
		this.wide = this.edge + this.columns.length * this.size;
		const tall = this.edge + this.rows.length * this.size;
		this.canvas.width = Math.max(1, this.wide * dots);
		this.canvas.height = Math.max(1, tall * dots);
		this.canvas.style.width = `${this.wide}px`;
		ctx.scale(dots, dots);
		if (this.size === 1)
			this.pixels(ctx, dots);
		else
			this.boxes(ctx);
		this.canvas.setAttribute("aria-label", `Heat map of ${this.rows.length} rows and ` +
			`${this.columns.length} columns; ` +
			`${[...this.grade.values()].filter((g) => g >= 1).length} cells are not as they ` +
			"should be. Arrow keys move, Enter opens.");
	}
	boxes(ctx) {
		const s = this.size, edge = this.edge;
		for (let y = 0; y < this.rows.length; y++)
			for (let x = 0; x < this.columns.length; x++)
				box(ctx, edge + x * s, edge + y * s, s, this.at2(y, x));
		if (edge)
			this.labels(ctx);
		if (this.cursor) {
			ctx.strokeStyle = "#0b5cad";
			ctx.lineWidth = 2;
			ctx.strokeRect(edge + this.cursor.x * s + 1, edge + this.cursor.y * s + 1, s - 3, s - 3);
		}
	}
	labels(ctx) {
		ctx.font = FONT;
		ctx.fillStyle = getComputedStyle(this.canvas).color;
		ctx.textBaseline = "middle";
		ctx.textAlign = "right";
		this.rows.forEach((i, y) => ctx.fillText(this.data.names[i], this.edge - 4,
			this.edge + (y + 0.5) * this.size, this.edge - 6));
		ctx.textAlign = "left";
		this.columns.forEach((i, x) => {
			ctx.save();
			ctx.translate(this.edge + (x + 0.5) * this.size, this.edge - 4);
			ctx.rotate(-Math.PI / 2);
			ctx.fillText(this.data.names[i], 0, 0, this.edge - 6);
			ctx.restore();
		});
	}
	pixels(ctx, dots) {
		const w = this.columns.length, h = this.rows.length;
		const image = new ImageData(Math.max(w, 1), Math.max(h, 1));
		const table = new Map([-2, -1, 0, 1, 2, 3, 4].map((g) => [g, rgb(colour(g))]));
		for (let y = 0, i = 0; y < h; y++)
			for (let x = 0; x < w; x++, i += 4) {
				image.data.set(table.get(this.at2(y, x)), i);
				image.data[i + 3] = 255;
			}
		/* putImageData() does not scale. */
		const small = new OffscreenCanvas(image.width, image.height);
		small.getContext("2d").putImageData(image, 0, 0);
		ctx.imageSmoothingEnabled = dots < 1;
		ctx.drawImage(small, 0, 0);
	}
}

/* What is chosen holds while one goes down and back. */
const chosen = { by: "loss", bad: false };

export const mesh = {
	title: (args) => args.length ? `${args[0]} → ${args[1] ?? args[0]}` : "Mesh",
	follows: ["mesh"],
	load: (args) => get(args.length ? `/api/1/mesh?from=${encodeURIComponent(args[0])}` +
		`&to=${encodeURIComponent(args[1] ?? args[0])}` : "/api/1/mesh"),
	draw(main, data, args) {
		const about = el("p", { id: "about", role: "status" }), room = el("div", { id: "map" });
		const key = el("div"), empty = el("p", { class: "note" });
		const map = new Map2D(data, index(data), (from, to) => pick(from, to),
			(from, to) => say(from, to));
		const by = el("select", { id: "by", onchange: () => { chosen.by = by.value; again(); } },
			el("option", { value: "loss" }, "loss"), el("option", { value: "rtt" }, "RTT"));
		const bad = el("input", { type: "checkbox", id: "bad",
			onchange: () => { chosen.bad = bad.checked; again(); } });
		by.value = chosen.by;
		bad.checked = chosen.bad;
		function say(from, to) {
			about.textContent = sentence(map.data, map.by,
				map.at.get(from * map.data.names.length + to), from, to);
		}
		function pick(from, to) {
			if (!args.length)
				location.hash = `#/mesh/${encodeURIComponent(map.data.names[from])}/` +
					encodeURIComponent(map.data.names[to]);
		}
		function again() {
			map.by = chosen.by;
			map.bad = chosen.bad;
			map.draw();
			key.replaceChildren(legend(chosen.by));
			empty.textContent = map.data.names.length === 0 ? "No host has registered yet." :
				map.rows.length === 0 ? "Nothing is wrong in the map." : "";
			if (map.cursor)
				map.move(null);
		}
		main.append(el("h2", {}, args.length ? el("a", { href: "#/mesh" }, "All ToRs") : "ToR by ToR",
				args.length ? `: ${args[0]} → ${args[1] ?? args[0]}` : ""),
			el("div", { class: "controls" }, el("label", {}, "Colours show", by),
			   el("label", {}, bad, "only what is not green"),
			   el("a", { href: args.length ? `/api/1/mesh?from=${encodeURIComponent(args[0])}&to=` +
				      encodeURIComponent(args[1] ?? args[0]) : "/api/1/mesh" }, "JSON")),
			about, room, empty, key,
			el("p", { class: "note" }, "Rows probe columns; the window is the last ",
			   String(data.window_s), " s. One row and its column: a port or host. A square: a ",
			   "switch of these. All but the diagonal: the spines."));
		room.append(map.canvas);
		about.textContent = "Point at a cell, or move with the arrow keys.";
		again();
		return (now) => {
			map.data = now;
			map.at = index(now);
			again();
		};
	},
};
