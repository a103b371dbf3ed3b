/** For rows whose order the ORM chooses: by their content. */
export function byContent(a: unknown, b: unknown): number {
  return JSON.stringify(a).localeCompare(JSON.stringify(b), 'en', { numeric: true });
}
