/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cells of a mesh, of which there may be a million: numbers in typed arrays, by row and column.
 * Memory depends on the number of names and cells only, so a page that is left open does not grow.
 */

const FIRST = 1024;
/* Of a cell of /api/1/mesh, after its row and column. */
const FIELDS = ["sent", "answered", "lost", "noise", "rtt_ns", "p50_ns", "p99_ns", "usual_ns"];

/* Of probes that were lost. Below the first step, it may be chance. */
const LOSS = [0, 0.0005, 0.005, 0.05, 0.3];
const SLOW = [0, 1.5, 3, 10, 30];          /* RTT against what is usual */
const LONG = [0, 20e3, 100e3, 1e6, 10e6];  /* RTT in ns */
const HELD = [0, 50e3, 200e3, 1e6, 10e6];  /* ns inside a host */
/* What colours show, and what their steps are called. */
export const SHOWN = {
	loss: { text: "loss", steps: LOSS,
		legend: ["no loss, or one probe of thousands", "0.05 % lost, or a single probe", "0.5 %", "5 %",
			"30 %"] },
	p50: { text: "median RTT, against the usual one", steps: SLOW, field: "p50_ns", usual: true },
	p99: { text: "99th percentile of RTT, against the usual median", steps: SLOW, field: "p99_ns",
	       usual: true },
	p50abs: { text: "median RTT", steps: LONG, field: "p50_ns" },
	p99abs: { text: "99th percentile of RTT", steps: LONG, field: "p99_ns" },
	/* delay: which of the delays of a row; 2 places later is that of a column. */
	delay50: { text: "median delay of the hosts", steps: HELD, delay: 0 },
	delay99: { text: "99th percentile of the delay of the hosts", steps: HELD, delay: 1 },
};
for (const shown of Object.values(SHOWN))
	shown.legend ??= shown.usual ? ["usual", "1.5 times", "3 times", "10 times", "30 times"] :
		shown.steps === HELD ? ["less than 50 µs", "50 µs", "200 µs", "1 ms", "10 ms"] :
			["less than 20 µs", "20 µs", "100 µs", "1 ms", "10 ms"];

/* Grades below 0 are no harm. */
export const NO_REPORT = -3, NOT_PROBED = -2, NOISE = -1;

function median(list) {
	const sorted = Float64Array.from(list).sort();
	return sorted.length ? sorted[sorted.length >> 1] : 1;
}

export class Grid {
	/* data: an answer of /api/1/mesh that is whole. */
	constructor(data) {
		this.names = data.names;
		this.n = data.names.length;
		this.rows = data.rows;
		this.columns = data.columns;
		this.place = new Int32Array(this.n * this.n).fill(-1);
		this.grades = new Int8Array(this.n * this.n).fill(NOT_PROBED);
		this.probes = new Float64Array(this.n); /* of a row: how many it has sent */
		this.used = 0;
		this.harmed = 0;       /* cells that are not as they should be */
		this.by = "loss";
		this.grow(Math.max(FIRST, data.cells.length));
		this.take(data);
		this.judge(this.by);
	}
	grow(size) {
		for (const field of FIELDS) {
			const more = new Float64Array(size);
			if (this[field])
				more.set(this[field]);
			this[field] = more;
		}
		const at = new Int32Array(size);
		if (this.at)
			at.set(this.at);
		this.at = at;       /* of a cell: its row and column */
		this.size = size;
	}
	/* Takes cells, and returns where they are. */
	take(data) {
		const columns = FIELDS.map((f) => this[f]);
		const changed = new Int32Array(data.cells.length);
		let k = 0;
		this.time_ns = data.time_ns;
		this.delays = data.delays ?? null; /* of each name */
		this.window_s = data.window_s;
		for (const cell of data.cells) {
			const at = cell[0] * this.n + cell[1];
			let i = this.place[at];
			if (i < 0) {
				if (this.used === this.size) {
					this.grow(2 * this.size);
					columns.splice(0, columns.length, ...FIELDS.map((f) => this[f]));
				}
				i = this.place[at] = this.used++;
				this.at[i] = at;
			}
			this.probes[cell[0]] += cell[2] - this.sent[i];
			for (let f = 0; f < columns.length; f++)
				columns[f][i] = cell[f + 2] ?? NaN;
			changed[k++] = at;
		}
		return changed;
	}
	/* Takes what has changed; judges just that, and returns where it is. */
	change(data) {
		const changed = this.take(data);
		if (SHOWN[this.by].delay !== undefined) {
			this.judge(this.by); /* a host is in many cells */
			return this.at.slice(0, this.used);
		}
		for (const at of changed)
			this.put(this.place[at]);
		return changed;
	}
	/* Judges all cells by one of SHOWN. */
	judge(by) {
		this.by = by;
		const rtts = [];
		for (let i = 0; i < this.used; i++)
			if (this.rtt_ns[i] > 0)
				rtts.push(this.rtt_ns[i]);
		this.usual = median(rtts);
		for (let i = 0; i < this.used; i++)
			this.put(i);
	}
	/* How long the hosts take: who probes, and who is probed; null: unknown. */
	held(from, to, k) {
		return this.delays ? Math.max(this.delays[from][k], this.delays[to][k + 2]) || null : null;
	}
	put(i) {
		const at = this.at[i], grade = this.grade(i);
		this.harmed += (grade >= 1) - (this.grades[at] >= 1);
		this.grades[at] = grade;
	}
	grade(i) {
		if (!this.sent[i])
			return NOT_PROBED;
		const judged = this.answered[i] + this.lost[i], shown = SHOWN[this.by];
		if (!judged)
			return NOISE;
		if (this.by === "loss") {
			const step = this.step(this.lost[i] / judged, LOSS);
			/* One lost probe of a few is no rate. */
			return this.lost[i] === 1 && this.sent[i] < 200 ? Math.min(step, 1) : step;
		}
		if (shown.delay !== undefined) {
			const held = this.held(Math.floor(this.at[i] / this.n), this.at[i] % this.n, shown.delay);
			return held ? this.step(held, HELD) : NOT_PROBED;
		}
		/* Agents of older builds report a mean only. */
		const rtt = this[shown.field][i] || this.rtt_ns[i];
		if (!(rtt > 0))
			return NOT_PROBED;
		return this.step(shown.usual ? rtt / (this.usual_ns[i] || this.usual) : rtt, shown.steps);
	}
	step(value, steps) {
		let step = 0;
		while (step + 1 < steps.length && value >= steps[step + 1])
			step++;
		return step;
	}
	/* The grade of a pair of names. */
	look(from, to) {
		const grade = this.grades[from * this.n + to];
		return grade === NOT_PROBED && !this.probes[from] ? NO_REPORT : grade;
	}
	/* The numbers of a pair, or null. */
	cell(from, to) {
		const i = this.place[from * this.n + to];
		if (i < 0 || !this.sent[i])
			return null;
		return Object.fromEntries(FIELDS.map((f) => [f, isNaN(this[f][i]) ? null : this[f][i]]));
	}
	/* How bad the worst cell of each name is, as row or column. */
	worst() {
		const worst = new Int8Array(this.n);
		for (let i = 0; i < this.used; i++) {
			const g = this.grades[this.at[i]], from = Math.floor(this.at[i] / this.n);
			const to = this.at[i] % this.n;
			if (g > worst[from])
				worst[from] = g;
			if (g > worst[to])
				worst[to] = g;
		}
		return worst;
	}
}
