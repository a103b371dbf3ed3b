/** What happened to an object. */
export type ObjectAction = 'create' | 'update' | 'delete';

/** What happened to an attribute: it got a value, or it became null. */
export type AttributeAction = 'set' | 'unset';
