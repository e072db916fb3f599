print('never shown')
if True
    pass
