/** No identity, no query and no text in any name. */
import { expect, it } from 'vitest';

import { callName, pathTemplate, route, selector } from '../src/names.js';

it.each([
  ['/', '/'],
  ['/shop', '/shop'],
  ['/shop/milk-12', '/shop/:id'],
  ['/shop/category/dairy-products-3/page/2', '/shop/category/:id/page/:id'],
  [
    '/web/image/product.template/12/image_512',
    '/web/image/product.template/:id/image_512',
  ],
  [
    '/web/assets/1/abc1234/web.assets_backend.min.js',
    '/web/assets/:id/:id/web.assets_backend.min.js',
  ],
  ['/web/assets/1/0d7f9ae/x.js', '/web/assets/:id/:id/x.js'],
  ['/api/v1/products', '/api/v1/products'],
  ['/odoo/contacts/42', '/odoo/contacts/:id'],
  ['/odoo/action-123/new', '/odoo/action-123/new'],
  ['/odoo/transaction-123', '/odoo/:id'],
  ['/decade/feedface', '/decade/feedface'],
  ['/my/orders/9?access_token=secret#anchor', '/my/orders/:id'],
  ['/u/ada@dairy.test', '/u/:id'],
  ['/u/J%C3%BCrgen', '/u/:id'],
  ['/t/4f1c2a5e-8c1d-4b6e-9a0f-1d2e3f4a5b6c', '/t/:id'],
  ['/t/eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9xyz', '/t/:id'],
  ['//double///slash/', '/double/slash'],
  ['/a/b/c/d/e/f/g/h/i/j', '/a/b/c/d/e/f/g/h'],
])('names the page %s %s', (path, name) => {
  expect(pathTemplate(path)).toBe(name);
});

it('is never longer than what the intake takes', () => {
  expect(pathTemplate('/abcdefghijklmnopqrstuvwxyz'.repeat(9)).length).toBe(128);
});

it('names resources of this site only, without host and query', () => {
  expect(route('https://dairy.test/web/image/7?unique=x')).toBe('/web/image/:id');
  expect(route('/web/image/7')).toBe('/web/image/:id');
  expect(route('https://elsewhere.test/web/image/7')).toBeNull();
  expect(route('https://dairy.test:444/web')).toBeNull();
  expect(route('data:image/png;base64,AAAA')).toBeNull();
  expect(route('http://[')).toBeNull();
});

it.each([
  [
    '/web/dataset/call_kw/res.partner/read',
    { model: 'res.partner', method: 'read' },
    'res.partner.read',
  ],
  [
    '/web/dataset/call_button/sale.order/confirm',
    { model: 'sale.order', method: 'confirm' },
    'sale.order.confirm',
  ],
  ['/web/action/load', { action_id: 7 }, '/web/action/load'],
  ['/mail/thread/12', { model: 'res.partner', method: 'read' }, '/mail/thread/:id'],
  [
    '/web/dataset/call_kw',
    { model: 'Ada <ada@dairy.test>', method: 'x' },
    '/web/dataset/call_kw',
  ],
  ['/web/dataset/call_kw', { method: 'read' }, '/web/dataset/call_kw'],
  ['/web/dataset/call_kw', null, '/web/dataset/call_kw'],
  ['https://elsewhere.test/jsonrpc', undefined, null],
])('names the call of %s', (url, parameters, name) => {
  expect(callName(url, parameters)).toBe(name);
});

it('describes an element by tags and plain classes', () => {
  document.body.innerHTML =
    '<div id="person-7" class="card o_row col12 lg:w-2"><p class="a b c"><b>Ada</b></p></div>';
  const bold = document.querySelector('b')!;
  expect(selector(bold)).toBe('div.card.o_row>p.a.b>b');
  expect(selector(bold.firstChild)).toBe('div.card.o_row>p.a.b>b');
  expect(selector(document.body)).toBe('html>body');
  expect(selector(null)).toBeNull();
  expect(selector(document)).toBeNull();
  document.body.innerHTML = `<div class="${'x'.repeat(130)}"><i></i></div>`;
  expect(selector(document.querySelector('i'))).toBe('i');
});
