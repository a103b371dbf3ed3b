import type { ExecutionContext } from '@nestjs/common';
import { HistoryService, SystemActor } from '@revy/mikro-orm';
import {
  getRevyToken,
  InjectRevy,
  RevisionActor,
  RevisionDescription,
  RevisionMetadata,
  type RevisionResolver,
  type RevyHealth,
  type RevyHealthIndicator,
  RevyModule,
  WithRevisionContext,
} from '@revy/nestjs';

class WhoCalls implements RevisionResolver<SystemActor> {
  async resolve(context: ExecutionContext) {
    return new SystemActor(context.getType());
  }
}

class Reason implements RevisionResolver<string> {
  resolve() {
    return 'because';
  }
}

// A class stands where a function may, if it resolves what is asked for.
RevisionActor(WhoCalls);
RevisionDescription(Reason);
RevyModule.forRoot({ actor: WhoCalls, description: Reason, middleware: true, contextName: 'books' });
RevyModule.forRootAsync({ contextName: 'books', useFactory: () => ({ actor: WhoCalls }) });
// @ts-expect-error: it gives text
RevisionActor(Reason);
// @ts-expect-error: it gives an actor
RevisionDescription(WhoCalls);
// @ts-expect-error: metadata is an object
RevisionMetadata(Reason);
// @ts-expect-error: on or off
RevyModule.forRoot({ middleware: 'yes' });

export class Shelf {
  @InjectRevy(HistoryService, 'books') readonly history!: HistoryService;

  @WithRevisionContext({ actor: new SystemActor('shelf'), captured: (job: { context: undefined }) => job.context })
  fill(job: object) {
    return job;
  }

  // @ts-expect-error: no such value
  @WithRevisionContext({ revision: 7 })
  empty() {}
}

getRevyToken(HistoryService) satisfies string | object;

declare const indicator: RevyHealthIndicator;
void (indicator.isHealthy() satisfies Promise<RevyHealth<'revy'>>);
void indicator.isHealthy('history').then(({ history }) => history.status satisfies 'up' | 'down');
// @ts-expect-error: under the key that was asked for
void indicator.isHealthy('history').then(({ revy }) => revy);
