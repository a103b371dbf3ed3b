/** The stored actor type of named systems. */
export const SYSTEM_TYPE = 'system';
