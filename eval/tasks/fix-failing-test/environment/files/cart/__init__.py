from cart.totals import discount, total
