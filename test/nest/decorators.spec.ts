import { RevyError } from '@revy/mikro-orm';
import {
  AlreadyTrackedError,
  MikroOrmMissingError,
  MisplacedRevisionActorError,
  RevisionActor,
  RevisionDescription,
  RevisionMetadata,
  UnreachableResolverError,
  WithoutRevision,
} from '@revy/nestjs';

const nobody = () => null;

describe('decorators', () => {
  it('are typed for where they may stand', () => {
    @RevisionActor(async context => ({ id: context.getClass().name }))
    @RevisionDescription('text')
    @RevisionMetadata({ a: 1 })
    @WithoutRevision()
    class Controller {
      @RevisionActor()
      @RevisionDescription(async context => context.getHandler().name)
      @RevisionMetadata(() => undefined)
      @WithoutRevision()
      handle(@RevisionActor() actor: object | null) {
        return actor;
      }

      // @ts-expect-error: an actor is an object or null
      @RevisionActor(() => 'alice')
      // @ts-expect-error: a description is a text
      @RevisionDescription(7)
      // @ts-expect-error: metadata is an object
      @RevisionMetadata('text')
      wrong() {}
    }
    expect(new Controller().handle(null)).toBeNull();
  });

  it('refuse a resolver on a parameter', () => {
    const place = () => {
      class Controller {
        // @ts-expect-error: a parameter takes no resolver
        handle(@RevisionActor(nobody) actor: null) {
          return actor;
        }
      }
      return Controller;
    };
    expect(place).toThrow(new MisplacedRevisionActorError('Controller.handle', 'resolver on a parameter'));
  });

  it('refuse a parameter of a constructor', () => {
    const place = () => {
      class Service {
        constructor(@RevisionActor() readonly actor: object | null) {}
      }
      return Service;
    };
    expect(place).toThrow(new MisplacedRevisionActorError('Service', 'constructor parameter'));
  });
});

describe('errors', () => {
  it.each([
    [
      new MikroOrmMissingError(),
      'REVY_NEST_MIKRO_ORM_MISSING',
      'Cannot track changes: RevyModule finds no MikroORM in this application. Import MikroOrmModule.forRoot() (or ' +
        'forRootAsync()) from @mikro-orm/nestjs beside RevyModule.forRoot(); if it has a "contextName", give ' +
        'RevyModule the same.',
    ],
    [
      new MikroOrmMissingError('books'),
      'REVY_NEST_MIKRO_ORM_MISSING',
      'Cannot track changes: RevyModule finds no MikroORM with the contextName "books" in this application. Import ' +
        'MikroOrmModule.forRoot() (or forRootAsync()) from @mikro-orm/nestjs with that "contextName".',
    ],
    [
      new UnreachableResolverError('CurrentUser', 'Jobs.nightly'),
      'REVY_NEST_UNREACHABLE_RESOLVER',
      'Cannot ask CurrentUser about Jobs.nightly: @WithRevisionContext() reaches no container. Give the decorator a ' +
        'function; its "this" is the instance that the method is called on.',
    ],
    [
      new AlreadyTrackedError(),
      'REVY_NEST_ALREADY_TRACKED',
      'Cannot apply the option "revy" of RevyModule: this ORM is tracked already, by revy() in the "extensions" of its ' +
        'configuration or by another RevyModule. Give the options in one place only.',
    ],
    [
      new MisplacedRevisionActorError('PostsController.create', 'resolver on a parameter'),
      'REVY_NEST_MISPLACED_REVISION_ACTOR',
      'Cannot use @RevisionActor(resolver) on a parameter of PostsController.create: there it only injects the actor. ' +
        'Put the resolver on the method or on its class, and @RevisionActor() on the parameter.',
    ],
    [
      new MisplacedRevisionActorError('PostsService', 'constructor parameter'),
      'REVY_NEST_MISPLACED_REVISION_ACTOR',
      'Cannot use @RevisionActor() on a parameter of the constructor of PostsService: the actor is known in a call ' +
        `only. Inject it into a handler, or read RevisionContext.get('actor') during the call.`,
    ],
  ])('say what to do: %s', (error, code, message) => {
    expect(error).toBeInstanceOf(RevyError);
    expect({ code: error.code, message: error.message, name: error.name }).toEqual({
      code,
      message,
      name: error.constructor.name,
    });
  });
});
