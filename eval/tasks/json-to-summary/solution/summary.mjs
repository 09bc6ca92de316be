import { readFileSync, writeFileSync } from 'node:fs';

const { orders: all } = JSON.parse(readFileSync('orders.json', 'utf8')).data;
const orders = all.filter(({ status }) => status !== 'cancelled');
const byCountry = {};
const sold = {};
for (const { items, shipping, billing, discount_cents = 0, refunds = [] } of orders) {
  let worth = -discount_cents;
  for (const refund of refunds) worth += refund;
  for (const { product, price_cents, quantity } of items) {
    worth += price_cents * quantity;
    sold[product] = (sold[product] ?? 0) + quantity;
  }
  const { country } = shipping ?? billing;
  byCountry[country] = (byCountry[country] ?? 0) + worth;
}
const top = Object.keys(sold).sort((a, b) => sold[b] - sold[a] || (a < b ? -1 : 1));
const revenue = Object.values(byCountry).reduce((sum, one) => sum + one, 0);
const summary = { orders: orders.length, revenue_cents: revenue, by_country: byCountry, top_products: top.slice(0, 3) };
writeFileSync('summary.json', JSON.stringify(summary, null, 2));
