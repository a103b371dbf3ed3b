import { type CanActivate, Injectable, Logger, Module, Scope, UnauthorizedException } from '@nestjs/common';
import {
  BrowserClosedError,
  BrowserOrmMissingError,
  BrowserRefusedError,
  NotInHistoryError,
  RevyBrowserModule,
} from '@revy/browser';
import { RevyOptionError } from '@revy/mikro-orm';
import { NestFactory } from '@nestjs/core';
import { jest } from '@jest/globals';
import { RevyModule } from '@revy/nestjs';
import { type BlogApp, type Platform, startBlog } from '../nest/blog-app.js';
import { createOrm, type TestOrm } from '../support/orm.js';
import { startBrowser, textOf } from './browser-app.js';

let blog: TestOrm;

beforeAll(async () => {
  blog = await createOrm();
});

afterAll(() => blog.close());

@Injectable()
class KeyService {
  readonly key = 'secret';
}

@Injectable({ scope: Scope.REQUEST })
class KeyGuard implements CanActivate {
  constructor(private readonly keys: KeyService) {}

  canActivate(context: Parameters<CanActivate['canActivate']>[0]): boolean {
    return context.switchToHttp().getRequest<{ headers: Record<string, string> }>().headers['x-key'] === this.keys.key;
  }
}

@Module({ providers: [KeyService, KeyGuard], exports: [KeyGuard] })
class KeyModule {}

describe.each<Platform>(['express', 'fastify'])('the pages on %s', platform => {
  const running: BlogApp[] = [];
  const start = async (...[options, more]: [Parameters<typeof startBrowser>[1]?, object?]) => {
    const app = await startBrowser({ url: blog.database.url, platform, ...more }, options);
    running.push(app);
    return app;
  };

  afterEach(async () => {
    for (const { app } of running.splice(0)) await app.close();
  });

  it('are closed to everybody until the application says who may read, and the log says so once', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
    const { http } = await start({});
    const { text } = await http.get('/history').expect(403).expect('content-type', 'text/html; charset=utf-8');
    await http.get('/history?type=Post').expect(403);
    expect(textOf(text)).toBe(`Not allowed\n${new BrowserClosedError().message}`);
    expect(warn.mock.calls).toEqual([[new BrowserClosedError().message]]);
    warn.mockRestore();
  });

  it('are shown to whom a function lets in', async () => {
    const { http } = await start({
      canActivate: async context => context.switchToHttp().getRequest().headers['x-key'],
    });
    const { text } = await http.get('/history').expect(403);
    expect(textOf(text)).toBe(`Not allowed\n${new BrowserRefusedError().message}`);
    // what is true enough for JavaScript is not yet permission
    await http.get('/history').set('x-key', '1').expect(403);
  });

  it('are shown to whom a guard of the container lets in, in any scope', async () => {
    const { http } = await start({ canActivate: KeyGuard }, { imports: [KeyModule] });
    const answers = await Promise.all(['wrong', 'secret'].map(key => http.get('/history').set('x-key', key)));
    expect(answers.map(({ status }) => status)).toEqual([403, 200]);
  });

  it('leave to the application what its own permission throws', async () => {
    const canActivate = () => {
      throw new UnauthorizedException('sign in');
    };
    const { http } = await start({ canActivate });
    const { body } = await http.get('/history').expect(401);
    expect(body.message).toBe('sign in');
  });

  it('allow no script and no style but their own, no frame, and no cache', async () => {
    const { http } = await start();
    const { headers, text } = await http.get('/history').expect(200);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; " +
        "base-uri 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'same-origin',
      'cache-control': 'no-store',
    });
    expect(text).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
  });

  it('bring their stylesheet and their script along, below their own path and cached for good', async () => {
    const { http, url } = await start({ path: '/admin/past/', canActivate: () => true, title: 'Past & "present"' });
    const { text } = await http.get('/admin/past').expect(200);
    const assets = [...text.matchAll(/(?:src|href)="([^"]*\/assets\/[^"]*)"/g)].map(([, found]) => found!);
    expect(assets.map(asset => asset.replace(/\?v=\w+$/, ''))).toEqual([
      './past/assets/style.css',
      './past/assets/htmx.js',
    ]);
    const [style, script] = assets.map(asset => new URL(asset, `${url}/admin/past`));
    const css = await http.get(`${style!.pathname}${style!.search}`).expect(200);
    const js = await http.get(`${script!.pathname}${script!.search}`).expect(200);
    expect([css.headers['content-type'], js.headers['content-type']]).toEqual([
      'text/css; charset=utf-8',
      'text/javascript; charset=utf-8',
    ]);
    expect(css.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(text).toContain('<title>What happened · Past &amp; &quot;present&quot;</title>');
    await http.get('/admin/past/assets/..%2f..%2fpackage.json').expect(404);
  });

  it('go below the global prefix of the application', async () => {
    const before = (app: BlogApp['app']) => app.setGlobalPrefix('api');
    const { http } = await start(undefined, { before });
    const answers = await Promise.all(['/api/history', '/history'].map(path => http.get(path)));
    expect(answers.map(({ status }) => status)).toEqual([200, 404]);
  });

  it('can be mounted twice, each with its own settings', async () => {
    const revy = [
      RevyModule.forRoot(),
      RevyBrowserModule.forRoot({ path: 'one', title: 'One', canActivate: () => true }),
      RevyBrowserModule.forRoot({ path: 'two', title: 'Two', canActivate: () => true }),
    ];
    const app = await startBlog({ url: blog.database.url, platform, revy });
    running.push(app);
    const [one, two] = await Promise.all([app.http.get('/one').expect(200), app.http.get('/two').expect(200)]);
    expect([one.text, two.text].map(text => /<title>(.*)<\/title>/.exec(text)?.[1])).toEqual([
      'What happened · One',
      'What happened · Two',
    ]);
  });
});

it('every failure says whole what to do', () => {
  expect(new BrowserClosedError()).toMatchObject({
    code: 'REVY_BROWSER_CLOSED',
    message:
      'Cannot show the history to anybody: RevyBrowserModule has no "canActivate". Say who may read it: ' +
      'RevyBrowserModule.forRoot({ canActivate: context => isAdmin(context.switchToHttp().getRequest()) }), or a guard ' +
      'class in place of the function.',
  });
  expect(new BrowserRefusedError()).toMatchObject({
    code: 'REVY_BROWSER_REFUSED',
    message: 'Cannot show the history to you: "canActivate" of RevyBrowserModule refuses. Sign in as somebody who may.',
  });
  expect(new NotInHistoryError('revision 7')).toMatchObject({
    code: 'REVY_BROWSER_NOT_IN_HISTORY',
    message: 'Cannot show revision 7: there is none in the history. Look for it in the list of all revisions.',
  });
  expect(new BrowserOrmMissingError('books')).toMatchObject({
    code: 'REVY_BROWSER_ORM_MISSING',
    message:
      'Cannot show the history: RevyBrowserModule finds no MikroORM with the contextName "books" in this application. ' +
      'Import MikroOrmModule.forRoot() (or forRootAsync()) from @mikro-orm/nestjs beside RevyBrowserModule.forRoot(); ' +
      'if it has a "contextName", give RevyBrowserModule the same.',
  });
});

describe('the module', () => {
  it('refuses an application without an ORM', async () => {
    class Bare {}
    const made = NestFactory.create(
      { module: Bare, imports: [RevyBrowserModule.forRoot({ contextName: 'books' })] },
      { logger: false, abortOnError: false },
    );
    await expect(made).rejects.toThrow(new BrowserOrmMissingError('books'));
  });

  it.each([
    [{ path: '/' }, new RevyOptionError('path', '/', 'a path with at least one segment')],
    [{ pageSize: 0.5 }, new RevyOptionError('pageSize', 0.5, 'a whole number from 1')],
    [
      { guard: 1 } as object,
      new RevyOptionError(
        'guard',
        1,
        'one of path, canActivate, canRevert, secret, title, pageSize, labels, render, contextName',
      ),
    ],
  ])('refuses the options %j', (options, error) => {
    expect(() => RevyBrowserModule.forRoot(options)).toThrow(error);
  });
});
