for level in range(1000):
    os.mkdir('d')
    os.chdir('d')
with open('bottom.txt', 'w') as file:
    file.write('bottom')
held('deep')
