import type { NativeRun } from './native-call.js';
import type { RowImages } from './row-images.js';

/** Notes the loaded entities whose rows a native call has changed: MikroORM 7.2 leaves its copies of them as they were. */
export function noteOutdated({ call, driver, options, outdated }: NativeRun, images: RowImages): void {
  const uow = call.em.getUnitOfWork(false);
  for (const { tracked, key } of images.values()) {
    const { meta } = tracked;
    const schema = meta.schema === '*' ? driver.getSchemaName(meta, options) : undefined;
    const entity: object | null | undefined = uow.getById(meta.class, key as never, schema, true);
    if (entity) outdated.add(entity);
  }
}
