TAX = 0.19
DISCOUNT = 0.95


def _amount(price, quantity):
    amount = price * quantity
    if quantity > 10:
        amount = amount * DISCOUNT
    return round(amount, 2)


def _rows(lines):
    """Name, quantity and amount of each line, then of tax and sum, which have no quantity."""
    rows = [(name, quantity, _amount(price, quantity)) for name, price, quantity in lines]
    net = 0
    for _, _, amount in rows:
        net = net + amount
    tax = round(net * TAX, 2)
    return rows, [('tax', tax), ('sum', round(net + tax, 2))]


def as_text(customer, lines):
    rows, totals = _rows(lines)
    out = ['Invoice for ' + customer + '\n']
    out += ['%-20s %3d %10.2f\n' % row for row in rows]
    out += ['%-24s %10.2f\n' % total for total in totals]
    return ''.join(out)


def as_csv(customer, lines):
    quoted = lambda text: '"%s"' % text.replace('"', '""')
    rows, totals = _rows(lines)
    out = ['customer,name,quantity,amount\n']
    out += ['%s,%s,%d,%.2f\n' % (quoted(customer), quoted(name), *rest) for name, *rest in rows]
    out += ['%s,"%s",,%.2f\n' % (quoted(customer), *total) for total in totals]
    return ''.join(out)


def as_html(customer, lines):
    escaped = lambda text: text.replace('&', '&amp;').replace('<', '&lt;')
    rows, totals = _rows(lines)
    out = ['<h1>' + escaped(customer) + '</h1><table>']
    out += ['<tr><td>%s</td><td>%d</td><td>%.2f</td></tr>' % (escaped(name), *rest) for name, *rest in rows]
    out += ['<tr><td>%s</td><td></td><td>%.2f</td></tr>' % total for total in totals]
    return ''.join(out) + '</table>'
