def as_text(customer, lines):
    out = 'Invoice for ' + customer + '\n'
    net = 0
    for name, price, quantity in lines:
        amount = price * quantity
        if quantity > 10:
            amount = amount * 0.95
        amount = round(amount, 2)
        net = net + amount
        out = out + '%-20s %3d %10.2f\n' % (name, quantity, amount)
    tax = round(net * 0.19, 2)
    out = out + '%-24s %10.2f\n' % ('tax', tax)
    out = out + '%-24s %10.2f\n' % ('sum', round(net + tax, 2))
    return out


def as_csv(customer, lines):
    out = 'customer,name,quantity,amount\n'
    net = 0
    for name, price, quantity in lines:
        amount = price * quantity
        if quantity > 10:
            amount = amount * 0.95
        amount = round(amount, 2)
        net = net + amount
        out = out + '"%s","%s",%d,%.2f\n' % (customer.replace('"', '""'), name.replace('"', '""'), quantity, amount)
    tax = round(net * 0.19, 2)
    out = out + '"%s","tax",,%.2f\n' % (customer.replace('"', '""'), tax)
    out = out + '"%s","sum",,%.2f\n' % (customer.replace('"', '""'), round(net + tax, 2))
    return out


def as_html(customer, lines):
    c = customer.replace('&', '&amp;').replace('<', '&lt;')
    out = '<h1>' + c + '</h1><table>'
    net = 0
    for name, price, quantity in lines:
        amount = price * quantity
        if quantity > 10:
            amount = amount * 0.95
        amount = round(amount, 2)
        net = net + amount
        n = name.replace('&', '&amp;').replace('<', '&lt;')
        out = out + '<tr><td>' + n + '</td><td>%d</td><td>%.2f</td></tr>' % (quantity, amount)
    tax = round(net * 0.19, 2)
    out = out + '<tr><td>tax</td><td></td><td>%.2f</td></tr>' % tax
    out = out + '<tr><td>sum</td><td></td><td>%.2f</td></tr>' % round(net + tax, 2)
    return out + '</table>'
