/** How pages look: in the colours that the reader's system asks for, and down to the width of a phone. */
export const STYLESHEET = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1c1e21, #e6e6e6);
  --dim: light-dark(#5a6068, #a3a9b2);
  --page: light-dark(#ffffff, #16181b);
  --panel: light-dark(#f4f5f7, #202329);
  --line: light-dark(#d5d8dd, #3a3f47);
  --link: light-dark(#0b57b0, #8ab8ff);
  --created: light-dark(#116329, #7ee2a0);
  --deleted: light-dark(#a40e26, #ff9ba6);
  --added: light-dark(#d6f5de, #12401f);
  --removed: light-dark(#ffdfe2, #551c24);
}
* { box-sizing: border-box; }
body { margin: 0; color: var(--text); background: var(--page); font: 16px/1.5 system-ui, sans-serif; }
header, main { max-width: 70rem; margin: 0 auto; padding: 0.75rem 1rem; }
header { border-bottom: 1px solid var(--line); font-weight: 600; }
header nav { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; }
a { color: var(--link); }
a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible, summary:focus-visible {
  outline: 3px solid var(--link); outline-offset: 2px;
}
main:focus { outline: none; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 0.5rem; top: 0.5rem; padding: 0.5rem; background: var(--panel); }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0.75rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 1.5rem 0 0.5rem; overflow-wrap: anywhere; }
.dim { color: var(--dim); }
.error { padding: 0.75rem 1rem; border-left: 4px solid var(--deleted); background: var(--panel); overflow-wrap: anywhere; }
form.filters { display: grid; grid-template-columns: repeat(auto-fill, minmax(12rem, 1fr)); gap: 0.75rem; align-items: end; }
.filters label { display: block; font-size: 0.875rem; color: var(--dim); }
input, select, button { width: 100%; font: inherit; color: inherit; padding: 0.375rem 0.5rem; min-height: 2.5rem;
  background: var(--page); border: 1px solid var(--dim); border-radius: 4px; }
button { cursor: pointer; background: var(--panel); }
details { margin: 0.75rem 0; padding: 0.5rem 0.75rem; background: var(--panel); border-radius: 4px; }
summary { cursor: pointer; min-height: 1.5rem; }
ol.feed, ul.plain { list-style: none; margin: 1rem 0; padding: 0; }
ol.feed > li { padding: 0.75rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
ol.feed p, ol.feed ul { margin: 0.125rem 0; padding: 0; list-style: none; }
.create { color: var(--created); }
.delete { color: var(--deleted); }
input[type=range] { padding: 0; }
a[aria-current] { font-weight: 700; }
nav.pages { display: flex; gap: 1rem; margin: 1rem 0; }
nav.pages a { padding: 0.5rem 0; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: start; vertical-align: top; padding: 0.375rem 0.5rem; border-top: 1px solid var(--line); }
td { overflow-wrap: anywhere; }
.value { white-space: pre-wrap; overflow-wrap: anywhere; }
.value.long { display: block; max-height: 24rem; overflow: auto; }
.code { font-family: ui-monospace, monospace; font-size: 0.9em; }
ins { background: var(--added); text-decoration: underline; }
del { background: var(--removed); text-decoration: line-through; }
.along { margin-inline-start: 1rem; padding-inline-start: 0.75rem; border-inline-start: 3px solid var(--line); }
h3 { font-size: 1rem; margin: 1rem 0 0.25rem; overflow-wrap: anywhere; }
article { margin-bottom: 1rem; }
.changes th[scope=row] { font-weight: 500; }
@media (min-width: 40.01rem) {
  .changes th[scope=row] { width: 12rem; }
}
@media (max-width: 40rem) {
  table.changes, .changes thead, .changes tbody, .changes tr, .changes th, .changes td { display: block; }
  .changes thead { position: absolute; left: -100rem; }
  .changes td { border-top: 0; padding-top: 0; }
  .changes td::before { content: attr(data-label); display: block; color: var(--dim); font-size: 0.8rem; }
}
`;
