/** One thing to ask the running demo for. */
export interface Address {
  readonly method: 'GET' | 'PATCH' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly what: string;
}

/** What the demo answers to, with keys that exist. */
export function listAddresses(keys: { document: number; folder: number; revision: number }): readonly Address[] {
  const { document, folder, revision } = keys;
  return [
    { method: 'GET', path: '/history', what: 'the history, to look at in a browser' },
    { method: 'GET', path: '/documents?page=1', what: 'the library' },
    { method: 'GET', path: `/documents/${document}`, what: 'one document' },
    { method: 'GET', path: `/documents/${document}/history`, what: 'everything that ever changed in it' },
    { method: 'GET', path: `/documents/${document}/at?revision=${revision}`, what: 'as a revision left it' },
    { method: 'GET', path: `/documents/${document}/versions`, what: 'its states, newest first' },
    { method: 'GET', path: `/documents/${document}/diff?from=1&to=2`, what: 'what differs between two of them' },
    { method: 'GET', path: '/revisions', what: 'who changed what, newest first' },
    { method: 'GET', path: `/folders/${folder}`, what: 'a folder and what is in it' },
    { method: 'PATCH', path: `/documents/${document}`, what: 'change mode, blob or size' },
    { method: 'DELETE', path: `/documents/${document}`, what: 'delete it; its history stays' },
    { method: 'DELETE', path: `/folders/${folder}`, what: 'delete a folder and all inside' },
    { method: 'POST', path: `/documents/${document}/undelete`, what: 'bring it back' },
    { method: 'POST', path: `/documents/${document}/revert/1`, what: 'as its first version was' },
    { method: 'POST', path: `/revisions/${revision}/revert?dryRun=true`, what: 'what a revert would do' },
    {
      method: 'POST',
      path: '/revisions/revert?author=1&since=2026-01-31&dryRun=true',
      what: 'all that an author did since',
    },
    { method: 'POST', path: '/labels', what: 'a label: name and color' },
    { method: 'PUT', path: `/documents/${document}/labels/1`, what: 'put a label on a document' },
  ];
}
