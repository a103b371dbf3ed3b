import { escapeHtml, type Html, markup } from '../../libs/browser/src/html/markup.js';
import { address, pageRequest } from '../../libs/browser/src/mount/page-request.js';

describe('a template', () => {
  it('escapes text between tags and in attributes', () => {
    const hostile = `"><script>alert('1')</script>&\``;
    expect(markup`<p title="${hostile}">${hostile}</p>`.text).toBe(
      '<p title="&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&#96;">' +
        '&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&#96;</p>',
    );
  });

  it('takes markup as it is, in lists as well, and leaves out what is not there', () => {
    const items = ['<a>', 'b'].map(item => markup`<li>${item}</li>`);
    expect(markup`<ul>${items}${null}${undefined}${false}${0}</ul>`.text).toBe(
      '<ul><li>&lt;a&gt;</li><li>b</li>0</ul>',
    );
  });

  it('takes nothing for markup that only looks like it', () => {
    const forged = { text: '<script>' } as unknown as Html;
    expect(markup`${forged}`.text).toBe('[object Object]');
  });

  it('shows what nobody could see: controls, and what turns the direction of text', () => {
    expect(escapeHtml('a\u0000b\u001bc\u007fd\u0085e\u202ef\u2066g\ufeffh\n\ti\r\nj')).toBe(
      'a\u2400b\u241bc\u2421d⟨U+0085⟩e⟨U+202E⟩f⟨U+2066⟩g⟨U+FEFF⟩h\n\ti\nj',
    );
  });

  it('leaves other scripts, emoji and halves of emoji readable', () => {
    expect(escapeHtml('שלום 👩‍👩‍👧 naïve')).toBe('שלום 👩‍👩‍👧 naïve');
    expect(escapeHtml('\ud83d!')).toBe('\ufffd!');
  });

  it('escapes 1 MB of text', () => {
    expect(escapeHtml('<'.repeat(2 ** 20))).toBe('&lt;'.repeat(2 ** 20));
  });
});

describe('the address of a page', () => {
  it.each([
    ['/history', 0, '/history'],
    ['/history/', 0, '/history'],
    ['/api/v1/history?after=a/b', 0, '/api/v1/history'],
    ['/history/revisions/7', 2, '/history'],
    ['/history/object?type=Post&id=..', 1, '/history'],
    ['/a/history/revisions/7/', 2, '/a/history'],
  ])('%s leads back to the start at any depth', (url, depth, start) => {
    const { root } = pageRequest(url, depth);
    expect(new URL(root, `http://example.org${url}`).pathname).toBe(start);
  });

  it('holds every value in its query, and nothing that is not given', () => {
    const hostile = `..&id=2#<'"> /\u202e👋`;
    const made = address('./history', { type: hostile, id: undefined, after: '', n: 0 });
    expect([...pageRequest(made, 0).query]).toEqual([
      ['type', hostile],
      ['n', '0'],
    ]);
  });

  it('cannot be made to hold a NUL, which PostgreSQL refuses', () => {
    expect(pageRequest('/history?value=a%00b', 0).query.get('value')).toBe('ab');
  });
});
