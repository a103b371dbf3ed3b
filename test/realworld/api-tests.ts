// The API's own tests, after the RealWorld specification. They know nothing of how the application is put together.

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /** The user name of whoever calls; nobody without one. */
  readonly as?: string;
  readonly body?: object;
}

export interface Answer {
  readonly status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- JSON, as a client sees it
  readonly body: any;
}

export type Api = (call: Call) => Promise<Answer>;

const article = (title: string, tagList: string[] = []) => ({
  article: { title, description: `About ${title}`, body: `All of ${title}`, tagList },
});

/** @param api a client of an application with an empty database */
export function describeApi(api: Api): void {
  const register = (username: string) =>
    api({
      method: 'POST',
      path: '/users',
      body: { user: { username, email: `${username}@example.com`, password: `${username}-password` } },
    });
  const get = (path: string, as?: string) => api({ method: 'GET', path, ...(as ? { as } : {}) });
  const post = (path: string, as: string, body: object = {}) => api({ method: 'POST', path, as, body });
  const put = (path: string, as: string, body: object) => api({ method: 'PUT', path, as, body });
  const remove = (path: string, as: string) => api({ method: 'DELETE', path, as });
  const publish = async (as: string, title: string, tagList?: string[]) => {
    const { status, body } = await post('/articles', as, article(title, tagList));
    expect(status).toBe(201);
    return body.article.slug as string;
  };

  describe('users', () => {
    it('register, log in, and read and change themselves', async () => {
      const registered = await register('ann');
      expect(registered).toMatchObject({
        status: 201,
        body: { user: { username: 'ann', email: 'ann@example.com', bio: '', image: null } },
      });
      expect(registered.body.user).not.toHaveProperty('password');
      const login = await api({
        method: 'POST',
        path: '/users/login',
        body: { user: { email: 'ann@example.com', password: 'ann-password' } },
      });
      expect(login).toMatchObject({ status: 200, body: { user: { username: 'ann', token: expect.any(String) } } });
      expect(await get('/user', 'ann')).toMatchObject({ status: 200, body: { user: { username: 'ann' } } });
      const changed = await put('/user', 'ann', { user: { bio: 'I write.', image: 'https://example.com/ann.png' } });
      expect(changed).toMatchObject({ status: 200, body: { user: { bio: 'I write.' } } });
      expect((await get('/user', 'ann')).body.user).toMatchObject({ image: 'https://example.com/ann.png' });
    });

    it('are told what is wrong', async () => {
      const invalid = await api({
        method: 'POST',
        path: '/users',
        body: { user: { username: '', email: 'nothing', password: 'short' } },
      });
      expect(invalid.status).toBe(422);
      expect(Object.keys(invalid.body.errors).toSorted((a, b) => a.localeCompare(b))).toEqual([
        'email',
        'password',
        'username',
      ]);
      expect((await api({ method: 'POST', path: '/users', body: {} })).status).toBe(422);
      expect((await register('ann')).status).toBe(422);
      const wrong = { user: { email: 'ann@example.com', password: 'another one' } };
      expect((await api({ method: 'POST', path: '/users/login', body: wrong })).status).toBe(401);
      expect((await get('/user')).status).toBe(401);
      expect((await put('/user', 'ann', { user: { email: 'nothing' } })).status).toBe(422);
    });
  });

  describe('profiles', () => {
    it('are followed, and followed no more', async () => {
      await register('bob');
      await register('eve');
      expect((await get('/profiles/bob')).body).toEqual({
        profile: { username: 'bob', bio: '', image: null, following: false },
      });
      expect((await post('/profiles/bob/follow', 'ann')).body.profile).toMatchObject({ following: true });
      expect((await post('/profiles/bob/follow', 'ann')).status).toBe(200);
      expect((await post('/profiles/eve/follow', 'ann')).status).toBe(200);
      expect((await get('/profiles/bob', 'ann')).body.profile.following).toBe(true);
      expect((await get('/profiles/bob', 'eve')).body.profile.following).toBe(false);
      expect((await remove('/profiles/eve/follow', 'ann')).body.profile).toMatchObject({ following: false });
      expect((await post('/profiles/nobody/follow', 'ann')).status).toBe(404);
    });
  });

  describe('articles', () => {
    it('are written, read, changed and removed by their author', async () => {
      const slug = await publish('bob', 'How to train', ['dragons', 'training']);
      const read = await get(`/articles/${slug}`);
      expect(read.body.article).toMatchObject({
        title: 'How to train',
        tagList: ['dragons', 'training'],
        favorited: false,
        favoritesCount: 0,
        author: { username: 'bob', following: false },
      });
      const changed = await put(`/articles/${slug}`, 'bob', { article: { title: 'How to train well', body: 'Well.' } });
      expect(changed.body.article).toMatchObject({
        title: 'How to train well',
        body: 'Well.',
        description: 'About How to train',
      });
      const { slug: newSlug } = changed.body.article;
      expect((await get(`/articles/${slug}`)).status).toBe(404);
      expect((await put(`/articles/${newSlug}`, 'eve', { article: { body: 'Mine.' } })).status).toBe(403);
      expect((await remove(`/articles/${newSlug}`, 'eve')).status).toBe(403);
      expect((await remove(`/articles/${newSlug}`, 'bob')).status).toBe(204);
      expect((await get(`/articles/${newSlug}`)).status).toBe(404);
      expect((await post('/articles', 'bob', { article: { title: '' } })).status).toBe(422);
    });

    it('are listed by tag, author and who favours them, and fed to followers', async () => {
      const slugs = [];
      for (const title of ['One', 'Two', 'Three']) slugs.push(await publish('bob', title, ['numbers', title]));
      await publish('eve', 'Apples', ['fruit']);
      expect((await get('/articles?tag=numbers')).body.articlesCount).toBe(3);
      const page = await get('/articles?author=bob&limit=1&offset=1');
      expect(page.body).toMatchObject({ articles: [{ title: 'Two' }], articlesCount: 3 });
      expect((await get('/articles/feed', 'ann')).body.articles.map(({ title }: { title: string }) => title)).toEqual([
        'Three',
        'Two',
        'One',
      ]);
      expect((await get('/articles/feed')).status).toBe(401);
      await post(`/articles/${slugs[0]}/favorite`, 'eve');
      expect((await get('/articles?favorited=eve')).body).toMatchObject({
        articles: [{ title: 'One' }],
        articlesCount: 1,
      });
      expect((await get('/tags')).body.tags).toEqual(expect.arrayContaining(['numbers', 'fruit', 'dragons']));
    });

    it('are favoured, by whom and how often', async () => {
      const slug = await publish('eve', 'Pears');
      expect((await post(`/articles/${slug}/favorite`, 'ann')).body.article).toMatchObject({ favoritesCount: 1 });
      expect((await post(`/articles/${slug}/favorite`, 'bob')).body.article).toMatchObject({ favoritesCount: 2 });
      expect((await get(`/articles/${slug}`, 'ann')).body.article).toMatchObject({ favorited: true });
      const undone = await remove(`/articles/${slug}/favorite`, 'ann');
      expect(undone.body.article).toMatchObject({ favorited: false, favoritesCount: 1 });
      expect((await api({ method: 'POST', path: `/articles/${slug}/favorite` })).status).toBe(401);
    });
  });

  describe('comments', () => {
    it('are made, listed, and removed by whoever made them, or with their article', async () => {
      const slug = await publish('ann', 'Talk');
      const path = `/articles/${slug}/comments`;
      const made = await post(path, 'bob', { comment: { body: 'First!' } });
      expect(made).toMatchObject({ status: 201, body: { comment: { body: 'First!', author: { username: 'bob' } } } });
      await post(path, 'eve', { comment: { body: 'Second.' } });
      expect((await post(path, 'eve', { comment: {} })).status).toBe(422);
      const { id } = made.body.comment;
      expect((await remove(`${path}/${id}`, 'eve')).status).toBe(403);
      expect((await remove(`${path}/${id}`, 'bob')).status).toBe(204);
      expect((await get(path, 'ann')).body.comments).toMatchObject([{ body: 'Second.' }]);
      expect((await remove(`/articles/${slug}`, 'ann')).status).toBe(204);
      expect((await get(path)).body.comments).toEqual([]);
    });
  });
}
