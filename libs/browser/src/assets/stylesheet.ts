/** How pages look: in the colours that the reader's system asks for, and down to the width of a phone. */
export const STYLESHEET = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1b1f27, #e4e7ec);
  --dim: light-dark(#596273, #a2abba);
  --page: light-dark(#f5f6f8, #12151a);
  --card: light-dark(#ffffff, #1a1e25);
  --field: light-dark(#ffffff, #12151a);
  --line: light-dark(#e0e4ea, #2d333d);
  --edge: light-dark(#8b94a3, #6b7585);
  --link: light-dark(#2451b8, #93b7ff);
  --accent: light-dark(#3563d9, #6f9bff);
  --on-accent: light-dark(#ffffff, #0c1220);
  --created: light-dark(#0f6b3d, #6fdca0);
  --created-bg: light-dark(#def5e7, #12331f);
  --updated: light-dark(#7a4b00, #f0c070);
  --updated-bg: light-dark(#fdf0d8, #3a2b10);
  --deleted: light-dark(#a3152b, #ff9da9);
  --deleted-bg: light-dark(#fde5e8, #411820);
  --added: light-dark(#c8f0d6, #164a2a);
  --removed: light-dark(#ffd5da, #5c1d28);
  --radius: 10px;
  --shadow: 0 1px 2px light-dark(#1b1f2714, #00000066);
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; color: var(--text); background: var(--page);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif; }
header { background: var(--card); border-bottom: 1px solid var(--line); }
header nav, main { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
header nav { display: flex; flex-wrap: wrap; align-items: center; gap: 0 1.5rem; }
header a { display: inline-block; padding: 0.8rem 0; color: var(--dim); text-decoration: none; }
header a:hover { color: var(--link); text-decoration: underline; }
header a:first-child { color: var(--text); font-weight: 650; letter-spacing: -0.01em; }
header a:first-child::before { content: ""; display: inline-block; width: 0.75rem; height: 0.75rem; margin-inline-end: 0.6rem;
  border: 3px solid var(--accent); border-radius: 50%; vertical-align: -0.06rem; }
main { padding-top: 0.75rem; padding-bottom: 3rem; }
main:focus { outline: none; }
a { color: var(--link); text-decoration-color: color-mix(in srgb, currentColor 35%, transparent); text-underline-offset: 0.2em; }
a:hover { text-decoration-color: currentColor; }
:is(a, button, input, select, summary, [tabindex="0"]):focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 0.5rem; top: 0.5rem; padding: 0.5rem; background: var(--card); z-index: 1; }
h1 { font-size: 1.65rem; line-height: 1.25; letter-spacing: -0.02em; font-weight: 680; margin: 1.25rem 0 0.75rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; letter-spacing: -0.01em; font-weight: 650; margin: 2rem 0 0.6rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; font-weight: 600; margin: 0 0 0.25rem; overflow-wrap: anywhere; }
p { overflow-wrap: anywhere; }
time { font-variant-numeric: tabular-nums; white-space: nowrap; }
.dim { color: var(--dim); }
.error { padding: 0.9rem 1.1rem; border-inline-start: 4px solid var(--deleted); background: var(--card); border-radius: var(--radius); }
ol.feed, article, details, figure.activity, #state, .tools, table.counts {
  background: var(--card); border: 1px solid var(--line); border-radius: var(--radius); box-shadow: var(--shadow); }

.create, .update, .delete { display: inline-block; padding: 0.05rem 0.5rem; border-radius: 99px;
  font-size: 0.8rem; font-weight: 600; line-height: 1.45; vertical-align: 0.08em; }
.create { color: var(--created); background: var(--created-bg); }
.update { color: var(--updated); background: var(--updated-bg); }
.delete { color: var(--deleted); background: var(--deleted-bg); }

label { font-size: 0.85rem; color: var(--dim); }
form.filters { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(13rem, 100%), 1fr)); gap: 0.75rem; align-items: end; }
.filters label { display: block; }
form.travel { grid-template-columns: 1fr auto; align-items: center; }
button { padding-inline: 1rem; }
form.filters button { width: auto; min-width: 10rem; justify-self: start; }
input, select, button { width: 100%; font: inherit; color: var(--text); padding: 0.35rem 0.6rem; min-height: 2.5rem; margin-top: 0.15rem;
  background: var(--field); border: 1px solid var(--edge); border-radius: 7px; }
input[type=range] { padding: 0; border: 0; background: none; accent-color: var(--accent); }
button { cursor: pointer; font-weight: 550; background: var(--card); }
button:hover { border-color: var(--accent); color: var(--link); }
details { margin: 0.75rem 0; padding: 0.45rem 1rem; }
summary { cursor: pointer; min-height: 1.6rem; font-weight: 550; }
details[open] > summary { margin-bottom: 0.6rem; }
details[open] { padding-bottom: 1rem; }
.tools { display: grid; gap: 0.75rem; padding: 1rem 1.1rem; margin: 0.75rem 0; }
#state { padding: 0.1rem 1.1rem 0.75rem; margin: 0.75rem 0; }
#state h2 { margin-top: 1rem; }

ol.feed, ul.plain { list-style: none; margin: 1rem 0; padding: 0; }
ol.feed > li { padding: 0.8rem 1.1rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
ol.feed > li:first-child { border-top: 0; }
ol.feed p, ol.feed ul { margin: 0.2rem 0; padding: 0; list-style: none; }
ol.feed ul li { margin: 0.25rem 0; }
ol.feed p:first-child { font-size: 0.9rem; }
ol.feed p:first-child + p:not(.dim) { font-weight: 550; }
input[type=checkbox], input[type=radio] { width: 1.5rem; height: 1.5rem; min-height: 0; margin: 0 0.25rem 0 0; vertical-align: middle; }
fieldset { margin: 0.75rem 0; padding: 0.5rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: var(--radius); min-width: 0; overflow-wrap: anywhere; }
fieldset label { display: inline-block; margin: 0.25rem 1.5rem 0.25rem 0; }
fieldset p { margin: 0.25rem 0; }
fieldset.conflict { border-inline-start: 4px solid var(--deleted); }
a[aria-current] { font-weight: 700; }
nav.pages { display: flex; flex-wrap: wrap; gap: 1.5rem; margin: 0.75rem 0; }
nav.pages a { padding: 0.4rem 0; font-weight: 550; }
nav.pages a[rel=next]::after { content: " →"; }
nav.pages a[rel=prev]::before { content: "← "; }

figure.activity { margin: 1rem 0; padding: 1rem 1.1rem 0.6rem; }
figure.activity svg { display: block; width: 100%; height: 4.5rem; border-bottom: 1px solid var(--edge); }
figure.activity rect { fill: var(--accent); }
figure.activity rect:hover { fill: var(--text); }
figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; padding-top: 0.35rem; font-size: 0.82rem;
  color: var(--dim); font-variant-numeric: tabular-nums; }
figure.activity details { margin: 0.25rem 0 0; padding: 0; border: 0; box-shadow: none; font-size: 0.9rem; }
figure.activity details summary { font-weight: 400; color: var(--dim); }

.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
table.counts { border-collapse: separate; border-spacing: 0; width: auto; min-width: min(26rem, 100%); }
th, td { text-align: start; vertical-align: top; padding: 0.45rem 0.6rem; border-top: 1px solid var(--line); }
thead th { border-top: 0; font-size: 0.8rem; font-weight: 600; color: var(--dim); }
td { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.value { white-space: pre-wrap; overflow-wrap: anywhere; }
.value.long { display: block; max-height: 24rem; overflow: auto; }
.code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.88em; }
ins { background: var(--added); text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 0.2em; border-radius: 3px; padding: 0.05em 0.1em; }
del { background: var(--removed); text-decoration: line-through; text-decoration-thickness: 1px; border-radius: 3px; padding: 0.05em 0.1em; }
article { margin-bottom: 0.75rem; padding: 0.8rem 1.1rem; }
article article { margin: 0.6rem 0; background: var(--page); box-shadow: none; }
.along { margin-top: 0.75rem; padding-inline-start: 0.9rem; border-inline-start: 3px solid var(--line); }
.changes { table-layout: fixed; }
.changes th[scope=row] { font-weight: 550; overflow-wrap: anywhere; }
.changes th[scope=row] p { margin: 0.15rem 0 0; font-weight: 400; font-size: 0.85rem; }
@media (min-width: 40.01rem) {
  .changes th:first-child { width: 11rem; }
}
@media (max-width: 40rem) {
  header nav, main { padding-left: 0.9rem; padding-right: 0.9rem; }
  h1 { font-size: 1.4rem; }
  table.changes, .changes thead, .changes tbody, .changes tr, .changes th, .changes td { display: block; }
  .changes thead { position: absolute; left: -100rem; }
  .changes td { border-top: 0; padding-top: 0; }
  .changes td::before { content: attr(data-label); display: block; color: var(--dim); font-size: 0.8rem; }
}
@media (scripting: none) {
  .scripted { display: none; }
}
`;
