import { ChangeSetType } from '@mikro-orm/core';

/** What the two designs with a row for each attribute record of one change set. */
export function attributeChanges(changeSet, uow) {
  if (changeSet.type === ChangeSetType.DELETE) {
    const old = uow.getOriginalEntityData(changeSet.entity) ?? {};
    return Object.keys(old).map(attribute => ({ attribute, oldValue: text(old[attribute]), newValue: null }));
  }
  const old = changeSet.originalEntity ?? {};
  // After the SQL the payload also holds columns that came back unchanged.
  return Object.keys(changeSet.payload)
    .map(attribute => ({ attribute, oldValue: text(old[attribute]), newValue: text(changeSet.payload[attribute]) }))
    .filter(({ oldValue, newValue }) => oldValue !== newValue);
}

function text(value) {
  if (value === null || value === undefined) return null;
  return value instanceof Date ? value.toISOString() : String(value);
}
