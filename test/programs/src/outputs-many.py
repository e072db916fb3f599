for number in range(10000):
    with open(f'f{number}.txt', 'w') as file:
        file.write(str(number))
held('many')
