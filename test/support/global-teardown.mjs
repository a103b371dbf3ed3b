export default async () => {
  await globalThis.__REVY_PG__?.stop();
};
