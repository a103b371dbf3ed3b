import type { MikroORM, Options } from '@mikro-orm/postgresql';
import { Tracked, Untracked, revy } from '@revy/mikro-orm';

declare const orm: MikroORM;

// The extension fits the ORM's configuration, and an ORM that is running.
({ dbName: 'test', extensions: [revy()] }) satisfies Options;
revy({ track: 'marked' }).register(orm);

revy({
  outsideContext: 'throw',
  schema: 'history',
  tablePrefix: 'h_',
  keyframeEvery: 4,
  maskWith: '***',
  hidden: 'track',
});
revy({ require: ['actor', 'description'] });
// @ts-expect-error: a closed set
revy({ require: ['author'] });
// @ts-expect-error: a closed set
revy({ hidden: 'record' });
// @ts-expect-error: a closed set
revy({ track: 'some' });
// @ts-expect-error: no such option
revy({ tracked: 'all' });

@Tracked({ as: 'post', exclude: ['views'], mask: ['token'] })
export class Post {
  @Untracked() views!: number;
  @Tracked({ mask: true }) token!: string;
}

// @ts-expect-error: a class lists the attributes that it masks or leaves out
Tracked({ exclude: 'views' });
// @ts-expect-error: the stored type is text
Tracked({ as: Post });
