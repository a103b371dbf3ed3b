import type { CanActivate } from '@nestjs/common';
import { type Html, markup, RevyBrowserModule, type RevyBrowserOptions } from '@revy/browser';

class User {
  name!: string;
}

class MayRevert implements CanActivate {
  canActivate() {
    return true;
  }
}

const options: RevyBrowserOptions = {
  canActivate: async context => context.getType() === 'http',
  canRevert: MayRevert,
  secret: 'a secret of at least thirty-two characters',
  labels: { User: { label: 'Person', attributes: { name: 'Name' }, name: (user: User) => user.name } },
  render: {
    User: { name: value => markup`<b>${String(value)}</b>`, email: value => String(value), age: () => undefined },
  },
};
RevyBrowserModule.forRoot(options);
RevyBrowserModule.forRootAsync({ path: 'past', inject: ['X'], useFactory: async (title: string) => ({ title }) });

const shown: Html = markup`${1}${'text'}${null}${false}${[markup`<p></p>`]}`;
shown.text.trim();

// @ts-expect-error: raw markup is not to be made by hand
const forged: Html = { text: '<b>' };
// @ts-expect-error: an object has no form as text
void markup`${{}}`;
// @ts-expect-error: where the pages are has to be known before there are providers
RevyBrowserModule.forRootAsync({ useFactory: () => ({ path: 'past' }) });
// @ts-expect-error: a renderer gives text, markup, or nothing
RevyBrowserModule.forRoot({ render: { User: { name: () => 1 } } });
// @ts-expect-error: a label is text
RevyBrowserModule.forRoot({ labels: { User: { label: 1 } } });
// @ts-expect-error: who may revert is asked each time
RevyBrowserModule.forRoot({ canRevert: true });
void forged;
