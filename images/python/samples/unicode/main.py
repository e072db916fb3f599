name = input()
print(f'Grüße, {name}, 🐎')
print(len(name))
