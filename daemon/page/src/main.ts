// The page: what it knows, what shows it.

import { App } from './app.ts'
import { theGateway } from './http.ts'
import { Connect } from './ui/connect.ts'
import { head } from './ui/head.ts'
import { Picture } from './ui/picture.ts'
import { Shop } from './ui/shop.ts'
import { Tree } from './ui/tree.ts'

const app = new App(theGateway())
head(app)
new Picture(app)
new Shop(app)
new Tree(app)
new Connect(app)
app.start()
