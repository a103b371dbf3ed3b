// Takes the picture in the README: the revision that its first block of code makes.
//   npm run build:libs && node docs/images/take-revision.mjs
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MikroORM } from '@mikro-orm/core';
import { MikroOrmModule } from '@mikro-orm/nestjs';
import { defineEntity, p, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { NestFactory } from '@nestjs/core';
import { RevyBrowserModule } from '@revy/browser';
import { RevisionContext } from '@revy/mikro-orm';
import { RevyModule } from '@revy/nestjs';
import { chromium } from 'playwright-core';
import { createDatabase, openServer } from '../../bench/support/server.mjs';

const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const User = defineEntity({ name: 'User', properties: { id: p.integer().primary(), name: p.string() } });
const Post = defineEntity({
  name: 'Post',
  properties: { id: p.integer().primary(), title: p.string(), slug: p.string(), author: () => p.manyToOne(User) },
});

const server = await openServer({ isCommitAsync: false });
const database = await createDatabase(server.url, 'picture');
const app = await NestFactory.create(
  {
    module: class PictureModule {},
    imports: [
      await MikroOrmModule.forRoot({ driver: PostgreSqlDriver, clientUrl: database.url, entities: [User, Post] }),
      RevyModule.forRoot(),
      RevyBrowserModule.forRoot({
        canActivate: () => true,
        labels: { User: { name: user => user.name }, Post: { name: post => post.title } },
      }),
    ],
  },
  { logger: false },
);
try {
  await change(app.get(MikroORM));
  await app.listen(0, '127.0.0.1');
  await take(`${await app.getUrl()}/history/revisions/2`);
} finally {
  await app.close();
  await database.drop();
  await server.stop();
}

async function change(orm) {
  await orm.schema.update();
  const em = orm.em.fork();
  const ann = em.create(User, { id: 1, name: 'Ann' });
  const post = em.create(Post, { id: 1, title: 'Hello', slug: 'hello', author: ann });
  await em.flush();
  await RevisionContext.run({ actor: ann, revisionDescription: 'A better title' }, async () => {
    post.title = 'Hello, world';
    await RevisionContext.run({ actor: null, attributeDeltaDescription: 'Follows the title' }, async () => {
      post.slug = 'hello-world';
    });
    await em.flush();
  });
}

async function take(address) {
  const executablePath = PLACES.find(place => place && fs.existsSync(place));
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const page = await browser.newPage({ viewport: { width: 900, height: 560 }, deviceScaleFactor: 1.5 });
  await page.goto(address);
  await page.screenshot({ path: fileURLToPath(new URL('revision.png', import.meta.url)) });
  await browser.close();
}
